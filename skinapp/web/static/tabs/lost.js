// In the place of rows that can't be had; each time new, because Gradio passes on only what has changed.
() => `<i data-lost=${Math.random()}></i>`
