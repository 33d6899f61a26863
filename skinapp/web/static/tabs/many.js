// The table of many photos: picks files, sends them a few at a time, and keeps, sorts and saves the rows that come back.
// Listens on the component and looks its parts up when they are needed: the content is replaced when the language is known.
const PART = 8, PATIENCE = [2000, 5000, 10000];
const find = (what) => element.querySelector(what);
const all = (what) => [...element.querySelectorAll(what)];
const body = () => find(".answers tbody");
const pause = (ms) => new Promise((go) => setTimeout(go, ms));
let waiting = [], labels = null, known = null, given = 0, answered = 0, part = 0, run = 0, going = false, sorted = ["priority", 1];

// What is given

function take(files) {
  const photos = [];
  for (const file of files) {
    const path = file.path ?? (file.webkitRelativePath || file.name);
    if (/(^|\/)(\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/i.test(path)) continue;
    if (/\.csv$/i.test(path)) [labels, known] = [file, null];
    else photos.push({ file, path });
  }
  if (!photos.length && !given) return tell("no_files");
  if (!photos.length) return measure();
  if (given + photos.length > Number(find(".many").dataset.most)) return tell("too_many");
  tell(null);
  given += photos.length;
  waiting.push(...photos);
  if (!going) work(run);
}

// The work: while a part is assessed, the next one is sent

async function work(mine) {
  going = true;
  show();
  let pending = Promise.resolve();
  while (waiting.length && mine === run) {
    const some = waiting.splice(0, PART);
    const sent = await Promise.all(some.map(send));
    await pending;
    if (mine === run) pending = ask(some, sent, mine);
  }
  await pending;
  if (mine !== run) return;
  going = false;
  show();
}

async function send({ file, path }) {
  if (file.size > Number(find(".many").dataset.bytes)) return "too_large";
  for (const delay of [...PATIENCE, null]) {
    try {
      return asFile(await upload(file), { orig_name: path });
    } catch {
      if (delay === null) return "not_sent";
      await pause(delay);
    }
  }
}

async function ask(some, sent, mine) {
  sent.forEach((one, place) => typeof one === "string" && add([unanswered(one, some[place].path)]));
  const files = sent.filter((one) => typeof one !== "string");
  for (const delay of [...PATIENCE, null]) {
    if (!files.length || mine !== run) return;
    const rows = await answer(files);
    if (mine !== run) return;
    if (rows) {
      add(rows);
      return measure();
    }
    if (delay === null) return add(files.map((one) => unanswered("not_sent", one.orig_name)));
    await pause(delay);
  }
}

// The rows of some uploaded photos, or nothing where the server was too busy or failed.
function answer(files) {
  const number = ++part;
  return new Promise((got) => {
    document.addEventListener("many-rows", function listen({ detail }) {
      const came = document.createElement("template");
      came.innerHTML = detail;
      const found = came.content.querySelector(`tbody[data-part="${number}"]`);
      if (!found && !came.content.querySelector("[data-lost]")) return;
      document.removeEventListener("many-rows", listen);
      got(found ? [...found.rows] : null);
    });
    trigger("assess", { part: number, files });
  });
}

function unanswered(reason, path) {
  const row = find(`template[data-row=${reason}]`).content.querySelector("tr").cloneNode(true);
  row.dataset.file = row.querySelector(".file span").textContent = path;
  return row;
}

async function measure() {
  const answers = rows().filter((row) => row.dataset.top).map((row) => [row.dataset.file, row.dataset.top]);
  if (!answers.length) return;
  known ??= labels && (await send({ file: labels, path: labels.name }));
  trigger("measure", { answers, labels: typeof known === "string" ? null : known });
}

// What is shown

const rows = () => [...body().rows];

function add(some) {
  answered += some.length;
  body().append(...some);
  order();
  show();
}

function show() {
  find(".drop").classList.toggle("small", given > 0);
  find(".running").hidden = !given;
  find("[data-do=stop]").disabled = !going;
  find(".answers").hidden = !rows().length;
  find("[data-slot=done]").textContent = answered;
  find("[data-slot=all]").textContent = given;
  Object.assign(find("progress"), { max: Math.max(1, given), value: answered });
  for (const count of all("[data-count]")) {
    count.textContent = rows().filter((row) => row.dataset.rank === count.dataset.count).length;
    count.parentElement.hidden = count.textContent === "0";
  }
}

function tell(what) {
  const notice = find(".many > .notice");
  notice.hidden = !what;
  notice.textContent = what ? find(`template[data-say=${what}]`).content.textContent : "";
}

// What has none comes last: no letter sorts behind U+FFFF.
const NONE = "\uffff";
const KEYS = {
  file: (row) => row.dataset.file,
  priority: (row) => Number(row.dataset.rank) - Number(row.dataset.chance) / 2,
  likeliest: (row) => `${row.dataset.top ?? NONE} ${(1 - row.dataset.chance).toFixed(6)}`,
  truth: (row) => row.dataset.truth || NONE,
};

function order() {
  const [column, way] = sorted, key = KEYS[column];
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true }));
  body().append(...rows().sort((a, b) => way * compare(key(a), key(b))));
  for (const head of all("th[aria-sort]")) {
    const mine = head.classList.contains(column);
    head.setAttribute("aria-sort", mine ? (way > 0 ? "ascending" : "descending") : "none");
  }
}

document.addEventListener("many-figures", ({ detail }) => {
  const came = document.createElement("template");
  came.innerHTML = detail;
  const truths = JSON.parse(came.content.querySelector("[data-truths]")?.dataset.truths ?? "{}");
  find("[data-slot=figures]").replaceChildren(came.content);
  find(".answers").classList.toggle("labelled", Object.keys(truths).length > 0);
  for (const row of rows()) {
    const truth = truths[row.dataset.file];
    row.querySelector(".truth").textContent = row.dataset.truth = truth ?? "";
    row.classList.toggle("wrong", Boolean(truth && row.dataset.top && truth !== row.dataset.top));
  }
});

// What is saved

const report = (row) => ({
  file: row.dataset.file,
  ...JSON.parse(row.dataset.report),
  ...(row.dataset.truth ? { truth: row.dataset.truth } : {}),
});

function csv() {
  const flat = rows().map(report).map((one) => ({
    file: one.file,
    error: one.error,
    status: one.status,
    priority: one.priority,
    likeliest: one.top?.code,
    ...one.probabilities,
    issues: one.quality?.issues.join(" "),
    warnings: one.quality?.warnings.join(" "),
    model: one.model && `${one.model.id}@${one.model.revision}`,
    truth: one.truth,
  }));
  const columns = [...new Set(flat.flatMap(Object.keys))];
  return [columns, ...flat.map((one) => columns.map((column) => one[column]))].map((line) => line.map(cell).join(",")).join("\r\n");
}

// A spreadsheet would take a file's name for a formula where it begins like one.
function cell(value) {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function save(name, kind, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const DO = {
  stop() {
    run += 1;
    going = false;
    given = answered;
    waiting = [];
    tell("stopped");
    show();
  },
  clear() {
    run += 1;
    [waiting, labels, known, given, answered, going] = [[], null, null, 0, 0, false];
    body().replaceChildren();
    find(".answers").classList.remove("labelled");
    find("[data-slot=figures]").replaceChildren();
    tell(null);
    show();
  },
  csv: () => save("skinapp.csv", "text/csv", "\ufeff" + csv()),
  json: () => save("skinapp.json", "application/json", JSON.stringify(rows().map(report), null, 2)),
};

// What is listened to

element.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (!button) return;
  const { pick, sort, do: deed } = button.dataset;
  if (pick) find(`[data-input=${pick}]`).click();
  if (deed) DO[deed]();
  if (sort) {
    sorted = [sort, sorted[0] === sort ? -sorted[1] : 1];
    order();
  }
});
element.addEventListener("change", ({ target }) => {
  if (!target.matches("input[type=file]")) return;
  take([...target.files]);
  target.value = "";
});
for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  element.addEventListener(name, (event) => {
    event.preventDefault();
    find(".drop").classList.toggle("over", over);
  });
}
element.addEventListener("drop", async ({ dataTransfer }) => take(await dropped(dataTransfer)));
