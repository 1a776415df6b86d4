// Looks at the clock until each of the given moments (microseconds from the start, in order); says by how many milliseconds
// it saw each too late.
const moments = JSON.parse(process.argv[2]);
const begin = performance.now() + 100;
const misses = new Float64Array(moments.length);
for (const [i, moment] of moments.entries()) {
  const at = begin + moment / 1000;
  let now = performance.now();
  while (now < at) now = performance.now();
  misses[i] = now - at;
}
console.log(JSON.stringify([...misses]));
