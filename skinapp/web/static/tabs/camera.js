/* exported openCamera, closeCamera */
// The camera of the tab Teach, one for all of its components: classes are recorded with it, and it goes on for the model's trial.
const tab = () => document.querySelector("#teach-tab");

async function openCamera() {
  tab().camera ??= await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 480 } }, audio: false });
}

function closeCamera() {
  for (const track of tab().camera?.getTracks() ?? []) track.stop();
  tab().camera = undefined;
}
