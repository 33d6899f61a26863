import pytest

from skinapp import settings
from skinapp.errors import SkinAppError


def test_an_empty_environment_is_the_embedded_model_on_the_best_provider_unshared():
    empty = dict.fromkeys(
        ("SKINAPP_MODEL", "SKINAPP_PROVIDER", "SKINAPP_THREADS", "SKINAPP_SHARE", "SKINAPP_AUTH", "SKINAPP_MCP"), ""
    )
    assert settings.read({}) == settings.read(empty) == settings.Settings("", "auto", 0, False, None, False)


def test_every_name_is_read():
    environment = {
        "SKINAPP_MODEL": "owner/name@v2",
        "SKINAPP_PROVIDER": "CUDA",
        "SKINAPP_THREADS": "2",
        "SKINAPP_SHARE": "true",
        "SKINAPP_AUTH": "ada:pass:word",
        "SKINAPP_MCP": "on",
        "SKINAPP_HOSTS": "Skin.example.org, ward-3.lan,",
    }
    hosts = ("skin.example.org", "ward-3.lan")
    assert settings.read(environment) == settings.Settings("owner/name@v2", "cuda", 2, True, ("ada", "pass:word"), True, hosts)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SKINAPP_THREADS", "-1", "SKINAPP_THREADS is '-1'; give a number of threads, or 0 to leave it to ONNX Runtime."),
        ("SKINAPP_THREADS", "²", "SKINAPP_THREADS is '²'; give a number of threads, or 0 to leave it to ONNX Runtime."),
        ("SKINAPP_SHARE", "perhaps", "SKINAPP_SHARE is 'perhaps'; give 1 or 0."),
        ("SKINAPP_MCP", "yes please", "SKINAPP_MCP is 'yes please'; give 1 or 0."),
        (
            "SKINAPP_HOSTS",
            "a.example,https://b.example/",
            "SKINAPP_HOSTS holds 'https://b.example/'; give names of hosts, without scheme and port, separated by commas.",
        ),
        ("SKINAPP_AUTH", "ada", "SKINAPP_AUTH has no colon or lacks a part; give user:password."),
    ],
)
def test_a_value_that_makes_no_sense_is_named(name, value, said):
    with pytest.raises(SkinAppError) as caught:
        settings.read({name: value})
    assert str(caught.value) == said
