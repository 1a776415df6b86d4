// What every server process of the bench shares: it says where it listens, tells its memory when asked,
// and ends with its parent. Exiting by itself lets --cpu-prof write its file.
export const listening = (port) => process.send({ listening: port });

const memory = () => {
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { heapUsed, external, arrayBuffers, rss };
};

const answers = {
  memory,
  /** Without a collection: what the process holds right now. */
  now: () => process.memoryUsage(),
};

/** Lets the parent ask for more than memory; an answer may be a promise. */
export const answer = (question, reply) => {
  answers[question] = reply;
};

process.on('message', async ({ ask, id, argument }) => process.send({ id, reply: await answers[ask](argument) }));
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
