// The three steps of teaching: takes a zip, or packs a folder into one, and passes presses of buttons on to the server.
// Listens on the component, not on its content: the content is replaced with every word from the server.
const find = (what) => element.querySelector(what);
const pick = (name) => find(`[data-input=${name}]`).click();
const CLUTTER = /(^|\/)(\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/i;

function tell(what) {
  const notice = find(".teach > .notice");
  if (!notice) return;
  notice.hidden = !what;
  notice.textContent = what ? find(`template[data-say=${what}]`).content.textContent : "";
}

async function bring(files, more = {}, event = "bring") {
  const given = files.filter((file) => !CLUTTER.test(pathOf(file)));
  if (!given.length) return;
  tell("sending");
  const weight = given.reduce((sum, file) => sum + file.size, 0);
  if (weight > Number(document.querySelector("#teach-tab .teach[data-bytes]").dataset.bytes)) return tell("too_heavy");
  try {
    const isZip = given.length === 1 && /\.zip$/i.test(given[0].name);
    const sent = await upload(isZip ? given[0] : await packed(given));
    tell(null);
    trigger(event, { file: asFile(sent), ...more });
  } catch {
    tell("not_sent");
  }
}

const pathOf = (file) => file.path ?? (file.webkitRelativePath || file.name);

// A zip of files as they are: pictures don't get smaller

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  return sum;
});

function checksum(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = (sum >>> 8) ^ TABLE[(sum ^ byte) & 255];
  return (sum ^ 0xffffffff) >>> 0;
}

function numbers(...pairs) {
  const bytes = new DataView(new ArrayBuffer(pairs.reduce((sum, [size]) => sum + size, 0)));
  let place = 0;
  for (const [size, value] of pairs) {
    if (size === 2) bytes.setUint16(place, value, true);
    else bytes.setUint32(place, value, true);
    place += size;
  }
  return bytes.buffer;
}

async function packed(files) {
  const parts = [], directory = [];
  let place = 0;
  for (const file of files) {
    const name = new TextEncoder().encode(pathOf(file)), sum = checksum(new Uint8Array(await file.arrayBuffer()));
    // Version 2.0, names in UTF-8, stored, no time; checksum and both sizes; length of the name and of nothing more.
    const about = [[2, 20], [2, 0x800], [2, 0], [2, 0], [2, 33], [4, sum], [4, file.size], [4, file.size], [2, name.length], [2, 0]];
    const head = numbers([4, 0x04034b50], ...about);
    directory.push(numbers([4, 0x02014b50], [2, 20], ...about, [2, 0], [2, 0], [2, 0], [4, 0], [4, place]), name);
    parts.push(head, name, file);
    place += head.byteLength + name.length + file.size;
  }
  const size = directory.reduce((sum, part) => sum + part.byteLength, 0), count = Math.min(files.length, 0xffff);
  const end = numbers([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, place], [2, 0]);
  return new File([...parts, ...directory, end], "pictures.zip", { type: "application/zip" });
}

// What is pressed

// The share to keep back is chosen beside the pictures, which is another component than the results.
const shareChosen = () => Number(document.querySelector("#teach-tab input[name=share]")?.value ?? 20) / 100;

const DO = {
  sample: () => trigger("sample", {}),
  stop: () => trigger("stop", {}),
  forget: () => trigger("forget", {}),
  train: () => trigger("train", { share: shareChosen() }),
  retrain: ({ on }) => trigger("train", { share: shareChosen(), on }),
};

// One class's pictures

const EDIT = {
  show: ({ label }) => ({ label }),
  rename: (_, label) => ({ label, name: find("input[name=class-name]").value }),
  "remove-class": (_, label) => ({ label, remove: true }),
  remove: ({ index }, label) => ({ label, remove: true, index: Number(index) }),
};

function added(files) {
  const { label } = find(".editor").dataset;
  for (const file of files) file.path = `pictures/added/${Date.now()}-${file.name}`;
  bring(files, { label }, "extend");
}

element.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (!button) return;
  const { pick: input, do: deed, wait, edit } = button.dataset;
  if (edit) trigger("edit", EDIT[edit](button.dataset, find(".editor")?.dataset.label));
  if (input) pick(input);
  if (deed) DO[deed]?.(button.dataset);
  if (wait) {
    button.textContent = wait;
    button.disabled = true;
  }
});
element.addEventListener("input", ({ target }) => {
  if (target.matches("input[name=share]")) find(".share output").textContent = `${target.value}%`;
});
element.addEventListener("change", ({ target }) => {
  if (!target.matches("input[type=file]")) return;
  if (target.dataset.input === "more") added([...target.files]);
  else bring([...target.files]);
  target.value = "";
});
for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  element.addEventListener(name, (event) => {
    event.preventDefault();
    find(".drop")?.classList.toggle("over", over);
  });
}
element.addEventListener("drop", async ({ dataTransfer }) => find(".drop") && bring(await dropped(dataTransfer)));
