/* exported addressOf, asFile */
// What leans on things that Gradio's front end doesn't promise, seen in 6.31.0. Stands before the scripts that use it.

// A file beside the page, also where a proxy serves the page below a path: Gradio keeps the page's address in `gradio_config`.
const addressOf = (path) => new URL(path, `${window.gradio_config?.root ?? location.href}/`);

// An upload as Gradio's server takes it for a file: without this mark it is a dict like any other.
const asFile = (uploaded, more) => ({ ...uploaded, ...more, meta: { _type: "gradio.FileData" } });
