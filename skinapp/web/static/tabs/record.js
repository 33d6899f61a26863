/* global tell, bring, DO, tab, openCamera, closeCamera */
// Pictures of a class with the camera: hold a class's button to record, or press it shortly for two seconds. Stands behind teach.js.
const EVERY_MS = 125, SHORT_MS = 300, BURST_MS = 2000, SIDE = 320, MOST = 200;
const recorder = find(".recorder"), recorded = find(".recorded"), preview = find(".recorder video");
const part = (name) => find(`template[data-part=${name}]`).content.firstElementChild.cloneNode(true);
let recording = null;

async function cameraOn() {
  try {
    await openCamera();
  } catch {
    return tell("no_camera");
  }
  tell(null);
  recorder.hidden = false;
  preview.srcObject = tab().camera;
  await preview.play();
  while (recorded.children.length < 2) addClass();
}

function cameraOff() {
  closeCamera();
  preview.srcObject = null;
  recorder.hidden = true;
}

function addClass() {
  const row = part("class"), number = recorded.children.length + 1;
  row.querySelector("input").value = `${find("template[data-say=class]").content.textContent} ${number}`;
  row.frames = [];
  recorded.append(row);
}

function picture() {
  const canvas = document.createElement("canvas"), { videoWidth, videoHeight } = preview;
  const scale = SIDE / Math.min(videoWidth, videoHeight);
  canvas.width = Math.round(videoWidth * scale);
  canvas.height = Math.round(videoHeight * scale);
  canvas.getContext("2d").drawImage(preview, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function take(row) {
  if (row.frames.length >= MOST || !preview.videoWidth) return;
  const canvas = picture(), place = row.frames.push(null) - 1;
  canvas.toBlob((blob) => (row.frames[place] = blob), "image/jpeg", 0.88);
  row.querySelector("output").textContent = row.frames.length;
  if (place % 8 === 0) row.querySelector(".frames").append(Object.assign(new Image(), { src: canvas.toDataURL("image/jpeg", 0.5), alt: "" }));
  find("[data-do=learn]").disabled = [...recorded.children].filter((one) => one.frames.length >= 5).length < 2;
}

function record(row) {
  if (recording) return;
  const started = performance.now(), timer = setInterval(() => take(row), EVERY_MS);
  take(row);
  row.classList.add("recording");
  recording = () => {
    const wait = performance.now() - started < SHORT_MS ? BURST_MS : 0;
    recording = null;
    setTimeout(() => {
      clearInterval(timer);
      row.classList.remove("recording");
    }, wait);
  };
}

function learn() {
  const files = [...recorded.children].flatMap((row) => {
    const name = row.querySelector("input").value.replaceAll("/", " ").trim();
    return row.frames.filter(Boolean).map((blob, index) => Object.assign(new File([blob], "frame.jpg", { type: "image/jpeg" }), {
      path: `recorded/${name}/${String(index).padStart(4, "0")}.jpg`,
    }));
  });
  bring(files, { train: true });
}

Object.assign(DO, { camera: cameraOn, camera_off: cameraOff, add_class: addClass, learn });
recorder.addEventListener("pointerdown", ({ target }) => target.matches(".hold") && record(target.closest("li")));
recorder.addEventListener("keydown", (event) => {
  if (!event.target.matches(".hold") || ![" ", "Enter"].includes(event.key)) return;
  event.preventDefault();
  if (!event.repeat) record(event.target.closest("li"));
});
for (const name of ["pointerup", "pointercancel", "keyup", "blur"]) window.addEventListener(name, () => recording?.());
recorder.addEventListener("click", ({ target }) => target.matches(".drop-class") && target.closest("li").remove());
