// An iPhone's photos may be given everywhere: a system that doesn't know their kind neither lists them among pictures nor says
// that they are some, and Gradio takes nothing else.
const KINDS = { heic: "image/heic", heif: "image/heif" };
const PICTURES = "image/*", WITH_HEIC = "image/*,.heic,.heif";
const TAKES = `input[type=file]:is([accept="${PICTURES}"], [accept="${WITH_HEIC}"])`;
const kind = (file) => file.type || KINDS[file.name.split(".").pop().toLowerCase()] || "";

// The same files with their kinds, or nothing where they have them.
function told(files) {
  if (files.every((file) => file.type === kind(file))) return null;
  const data = new DataTransfer();
  for (const file of files) data.items.add(new File([file], file.name, { type: kind(file), lastModified: file.lastModified }));
  return data;
}

document.addEventListener("click", ({ target }) => target.matches(TAKES) && (target.accept = WITH_HEIC), true);
document.addEventListener(
  "change",
  ({ target }) => {
    const data = target.matches(TAKES) && told([...target.files]);
    if (data) target.files = data.files;
  },
  true,
);
document.addEventListener(
  "drop",
  (event) => {
    const data = event.target.closest(`:has(> ${TAKES})`) && told([...event.dataTransfer.files]);
    if (!data) return;
    event.preventDefault();
    event.stopPropagation();
    event.target.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  },
  true,
);
