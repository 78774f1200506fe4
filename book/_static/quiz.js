// Brings the quizzes to life. The explanations stand in the page, below the questions.

for (const question of document.querySelectorAll(".quiz-question")) {
  const button = question.querySelector(".quiz-check");
  const verdict = question.querySelector("output");
  button.hidden = false;

  button.addEventListener("click", () => {
    const chosen = question.querySelector("input:checked");
    if (!chosen) {
      verdict.className = "";
      verdict.textContent = "Choose an answer first.";
      return;
    }
    const because = document.getElementById(`${chosen.id}-because`);
    verdict.className = because.className;
    verdict.replaceChildren(...because.cloneNode(true).childNodes);
  });

  // A verdict belongs to the answer that it was given on.
  question.addEventListener("change", () => verdict.replaceChildren());
}

// On paper nothing can be unfolded.
let unfolded = [];
window.addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll(".quiz-answers:not([open])")];
  unfolded.forEach((answers) => (answers.open = true));
});
window.addEventListener("afterprint", () => {
  unfolded.forEach((answers) => (answers.open = false));
});
