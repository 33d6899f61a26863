/* global tab, openCamera, closeCamera */
// The camera tries a model that was just taught: one frame is answered after the other, always the newest. The camera that the
// classes were recorded with goes on; else it is asked for.
const find = (what) => element.querySelector(what);
const video = find("video"), SIDE = 256, PATIENCE_MS = 3000, PAUSE_MS = 60;
let running = false;

const rest = (ms) => new Promise((done) => setTimeout(done, ms));

// The middle square, as the network looks at it.
function frame() {
  const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const side = Math.min(video.videoWidth, video.videoHeight);
  const left = (video.videoWidth - side) / 2, top = (video.videoHeight - side) / 2;
  canvas.getContext("2d").drawImage(video, left, top, side, side, 0, 0, SIDE, SIDE);
  return canvas.toDataURL("image/jpeg", 0.85);
}

// Until the bars have changed, or the server has left it.
function answered() {
  return new Promise((done) => {
    const watch = new MutationObserver(finish), timer = setTimeout(finish, PATIENCE_MS);
    function finish() {
      watch.disconnect();
      clearTimeout(timer);
      done();
    }
    watch.observe(document.querySelector("#live-bars"), { childList: true, subtree: true, characterData: true, attributes: true });
  });
}

async function start() {
  try {
    await openCamera();
  } catch {
    find(".notice").hidden = false;
    return;
  }
  video.srcObject = tab().camera;
  await video.play();
  show(true);
  while (running && element.isConnected && tab().camera) {
    if (!document.hidden && video.videoWidth && element.offsetParent) {
      const done = answered();
      trigger("frame", { picture: frame() });
      await done;
    }
    await rest(PAUSE_MS);
  }
  show(false);
}

function show(on) {
  running = on;
  video.hidden = !on;
  find("[data-do=start]").hidden = on;
  find("[data-do=stop]").hidden = !on;
}

function stop() {
  closeCamera();
  show(false);
}

element.addEventListener("click", ({ target }) => {
  if (target.closest("[data-do=start]")) start();
  if (target.closest("[data-do=stop]")) stop();
});
if (tab().camera) {
  start();
  element.scrollIntoView({ behavior: "smooth", block: "center" });
}
