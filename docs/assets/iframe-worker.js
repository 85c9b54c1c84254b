// Browsers start no worker for a page that was opened from the disk. There the script of the search runs in a hidden frame
// instead, which passes messages in both directions as a worker does.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = Object.assign(document.createElement("iframe"), {hidden: true});
      document.body.append(frame);
      const inside = frame.contentWindow;
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", {data}));
      const script = Object.assign(inside.document.createElement("script"), {src: url});
      this.ready = new Promise((done) => script.addEventListener("load", () => done(inside)));
      inside.document.body.append(script);
    }

    postMessage(data) {
      this.ready.then((inside) => inside.dispatchEvent(new MessageEvent("message", {data})));
    }
  };
}
