# make run: the page on the embedded model.  make test: everything that is checked.  Both install what they need.
PYTHON ?= python3
RUN = .venv/bin/python
MODEL = .venv-model/bin/python
PIP = -m pip install --quiet --disable-pip-version-check

.PHONY: run test check test-app test-model browser format clean

run: .venv/installed
	$(RUN) app.py $(ARGS)

test: check test-app test-model

check: .venv/tested
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

test-app: .venv/tested browser
	$(RUN) -m pytest --ignore tests/train --ignore tests/export

test-model: .venv-model/installed
	$(MODEL) -m pytest tests/train tests/export

# Debian's chromium, where it is missing and may be installed; without it the browser tests skip, or fail in CI.
browser:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium fonts-noto-cjk >/dev/null; } \
		|| echo "chromium is missing and can't be installed here: install it to run the browser tests"

format: .venv/tested
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

clean:
	rm -rf .venv .venv-model test-output

.venv/installed: requirements.txt
	$(PYTHON) -m venv .venv
	$(RUN) $(PIP) -r requirements.txt
	@touch $@

.venv/tested: .venv/installed requirements-test.txt requirements-ray.txt
	$(RUN) $(PIP) -r requirements-test.txt
	@touch $@

.venv-model/installed: requirements-model.txt
	$(PYTHON) -m venv .venv-model
	$(MODEL) $(PIP) -r requirements-model.txt
	@touch $@
