"""The page of a model with classes of its own: one photo in, plain bars and a map out; and what is known of the model."""

import gradio as gr

from skinapp.assessment.classifier import Classifier
from skinapp.ui.components import Payload, answer_photos, language_of, photo_input, script
from skinapp.ui.gradio_internals import files
from skinapp.web import answering


def add(classifier: Classifier, say: gr.I18n) -> None:
    """Put the photo tab's components and its events into the page that is being built."""
    with gr.Row(elem_id="photo-tab", equal_height=False):
        with gr.Column(elem_id="give"):
            photo = photo_input(say("own_photo"), say("own_drop"))
        with gr.Column(elem_id="answer"):
            shown = gr.HTML(say("empty"), apply_default_css=False)
        with gr.Column(elem_id="evidence"):
            evidence = gr.HTML("", js_on_load=script("evidence"), apply_default_css=False)

    def answer_photo(photo: Payload, request: gr.Request) -> tuple[object, str]:
        if photo is None:
            return say("empty"), ""
        return answering.classification_of(classifier, files.received_file(photo), language_of(request))

    answer_photos(answer_photo, [photo], [shown, evidence])


def add_about(say: gr.I18n) -> None:
    """Put the About tab's one component into the page."""
    gr.HTML(say("own_about"), apply_default_css=False, elem_id="about")
