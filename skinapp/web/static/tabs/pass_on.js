// Passes what the server says on to the script that asked, as an event of the document's; `event` is the component's own property.
watch("value", () => document.dispatchEvent(new CustomEvent(props.event, { detail: props.value })));
