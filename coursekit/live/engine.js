// Train away from the page, so that it stays quick.

/**
 * Ask a session in a worker; in slices on the page where the browser allows no worker.
 *
 * makeSession gets makeTrainer, uses nothing else outside itself, and returns functions of one
 * argument. Those that take long heed its `milliseconds`.
 */
function makeEngine(makeSession) {
  const waiting = new Map(); // what was asked and not yet answered
  let number = 0;
  let local = null;
  let worker = null;

  function answerHere(key) {
    const { name, argument, done } = waiting.get(key);
    waiting.delete(key);
    const slice = { ...argument, milliseconds: Math.min(argument.milliseconds, 15) };
    setTimeout(() => done(local[name](slice)));
  }
  function withoutWorker() {
    worker = null;
    local = makeSession(makeTrainer);
    [...waiting.keys()].forEach(answerHere);
  }
  try {
    const source = `${makeTrainer}
      const session = (${makeSession})(makeTrainer);
      onmessage = ({ data: [key, name, argument] }) =>
        postMessage([key, session[name](argument)]);`;
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    worker = new Worker(address);
    worker.onmessage = ({ data: [key, answer] }) => {
      const { done } = waiting.get(key);
      waiting.delete(key);
      done(answer);
    };
    worker.onerror = withoutWorker; // a page may forbid workers, and says so only now
  } catch {
    withoutWorker();
  }
  return (name, argument) =>
    new Promise((done) => {
      number += 1;
      waiting.set(number, { name, argument, done });
      if (worker) {
        worker.postMessage([number, name, argument]);
      } else {
        answerHere(number);
      }
    });
}
