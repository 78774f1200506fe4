// Brings the quizzes to life. The explanations stand in the page, below the questions.

for (const quiz of document.querySelectorAll(".quiz")) {
  const questions = [...quiz.querySelectorAll(".quiz-question")];
  const score = quiz.querySelector(".quiz-score");
  const first = new Map(); // of each question: was its first answer right?
  const latest = new Map(); // and its latest one?

  function showScore() {
    const right = questions.filter((question) => latest.get(question));
    const atOnce = right.filter((question) => first.get(question)).length;
    const open = questions.length - latest.size;
    let text = `Score: ${right.length} of ${questions.length} right`;
    if (atOnce < right.length) {
      text += `, ${atOnce} at the first try`;
    }
    if (open > 0) {
      text += `; ${open} not answered yet`;
    }
    score.textContent = `${text}.`;
  }

  for (const question of questions) {
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
      const wayBack = because.closest(".quiz-explained").querySelector(".quiz-section");
      verdict.className = because.className;
      verdict.replaceChildren(...because.cloneNode(true).childNodes, wayBack.cloneNode(true));
      const right = because.classList.contains("quiz-right");
      if (!first.has(question)) {
        first.set(question, right);
      }
      latest.set(question, right);
      showScore();
    });

    // A verdict belongs to the answer that it was given on.
    question.addEventListener("change", () => verdict.replaceChildren());
  }
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
