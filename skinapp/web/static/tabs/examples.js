// Says which example was pressed.
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-example]");
  if (button) trigger("click", { number: Number(button.dataset.example) });
});
