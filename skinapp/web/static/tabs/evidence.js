// Listens on the component, not on its content: the content is replaced with every answer.
element.addEventListener("change", (event) => {
  if (!event.target.matches(".evidence select")) return;
  for (const layer of element.querySelectorAll(".layer")) {
    layer.hidden = layer.dataset.code !== event.target.value;
  }
});
element.addEventListener("input", (event) => {
  if (!event.target.matches(".evidence input[type=range]")) return;
  element.querySelector(".frame").style.setProperty("--shown", event.target.value / 100);
});
