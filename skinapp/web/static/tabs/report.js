// Puts a report together from its text (a template beside the answer) and the pictures that the page shows, and hands it over as a
// file. Listens on the component, not on its content: the content is replaced with every answer.
element.addEventListener("click", (event) => {
  if (!event.target.closest(".save button")) return;
  const template = element.querySelector("template.report");
  const body = template.content.cloneNode(true);
  const frame = element.querySelector(".evidence .frame") ?? document.querySelector("#evidence .frame");
  const now = new Date();
  for (const slot of body.querySelectorAll("[data-slot]")) {
    const picture = frame.cloneNode(true);
    picture.style.removeProperty("--shown");
    for (const layer of picture.querySelectorAll(".layer")) {
      layer.hidden = false;
      if (layer.dataset.code !== slot.dataset.code) layer.remove();
    }
    if (slot.dataset.slot === "photo") picture.querySelector(".seen").remove();
    slot.append(picture);
  }
  const time = body.querySelector("time");
  time.dateTime = now.toISOString();
  time.textContent = now.toLocaleString(template.lang, { dateStyle: "long", timeStyle: "short" });
  const page = document.implementation.createHTMLDocument(`skinapp: ${template.dataset.title}`);
  page.documentElement.lang = template.lang;
  // First of all, so that nothing in the file can ever ask for anything.
  page.head.insertAdjacentHTML(
    "afterbegin",
    `<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">` +
      `<meta name="viewport" content="width=device-width"><style>${LOOKS}</style>`,
  );
  page.body.append(body);
  const file = new Blob([`<!doctype html>\n${page.documentElement.outerHTML}`], { type: "text/html" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  const digits = (number) => String(number).padStart(2, "0");
  const day = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map(digits).join("-");
  link.download = `skinapp-${day}-${digits(now.getHours())}${digits(now.getMinutes())}.html`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
});
