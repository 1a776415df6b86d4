// Stands in for the package that reaches MIDI devices: one input, which plays what `play` is given.
const listeners = new Set();
const nothing = () => undefined;

class Port {
  getPortCount() {
    return 1;
  }
  getPortName() {
    return 'injected';
  }
  openPort = nothing;
  openVirtualPort = nothing;
  closePort = nothing;
  destroy = nothing;
  ignoreTypes = nothing;
  sendMessage = nothing;
}

exports.Input = class extends Port {
  on(_event, listen) {
    listeners.add(listen);
  }
};
exports.Output = Port;
exports.play = (bytes) => {
  for (const listen of listeners) listen(0, bytes);
};
