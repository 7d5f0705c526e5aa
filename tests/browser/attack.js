// Tries whatever a page can do to a server it was not served by, and returns how many tries there were, and of which
// something came back that the page could look at.
async ({ base, key, posts, reads }) => {
  const PATIENCE = 20_000; // milliseconds until a try has taken too long, which is for who asks to judge
  const LATE = "late";
  const outcomes = [];
  const waiting = [];

  const tried = (name, read) => outcomes.push({ name, read: read === undefined || read === null ? "" : String(read) });
  const attempt = (name, promise) => {
    const late = new Promise((resolve) => setTimeout(() => resolve(LATE), PATIENCE));
    waiting.push(Promise.race([promise, late]).then((read) => tried(name, read), () => tried(name, "")));
  };
  // The beginning is enough, and some answers have no end: they would keep the browser from trying the rest.
  const asked = async (url, options) => {
    const control = new AbortController();
    const response = await fetch(url, { ...options, signal: control.signal });
    const start = response.body === null ? {} : await response.body.getReader().read();
    control.abort();
    return response.type === "opaque" ? "" : `${response.status} ${new TextDecoder().decode(start.value)}`;
  };
  const within = (element, parent = document.body) =>
    new Promise((resolve, reject) => {
      element.onload = () => resolve(element);
      element.onerror = reject;
      parent.append(element);
    });
  const made = (tag, attributes) => Object.assign(document.createElement(tag), attributes);
  const basic = "Basic " + btoa(`${key}:`);
  const headers = [
    {},
    { Authorization: basic },
    { "X-Sandbox-Control": "1" },
    { "X-Sandbox-Control": "1", Authorization: basic, "Content-Type": "application/json" },
    { "Content-Type": "text/plain" },
    { "X-Sandbox-Fault": '{"do": {"status": 500}}' },
  ];

  const modes = [["cors", "omit"], ["cors", "include"], ["no-cors", "include"]];

  // fetch, XMLHttpRequest and sendBeacon, in every mode and with every header.
  for (const path of reads) {
    for (const more of headers) {
      for (const [mode, credentials] of modes) {
        attempt(`fetch ${mode}`, asked(base + path, { mode, credentials, headers: more }));
      }
    }
    attempt("fetch HEAD", asked(base + path, { method: "HEAD" }));
    attempt("fetch with a key in the address", asked(base.replace("//", `//${key}:@`) + path));
    attempt("XMLHttpRequest", new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.onprogress = request.onload = () => {
        resolve(`${request.status} ${request.responseText}`);
        request.abort();
      };
      request.onerror = reject;
      request.open("GET", base + path);
      request.send();
    }));
  }
  for (const { method, path, body } of posts) {
    for (const more of headers) {
      for (const [mode, credentials] of modes) {
        attempt(`fetch ${mode} ${method}`,
          asked(base + path, { method, body, mode, credentials, headers: more, keepalive: true }));
      }
    }
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json"]) {
      attempt("sendBeacon", Promise.resolve().then(() => {
        navigator.sendBeacon(base + path, new Blob([body ?? ""], { type }));
        return "";
      }));
    }
    // A form can send the header of no lever, but it can send a body that reads as JSON.
    for (const enctype of ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]) {
      const frame = made("iframe", { name: `form-${outcomes.length}-${waiting.length}` });
      const form = made("form", { action: base + path, method: "POST", enctype, target: frame.name });
      form.append(made("input", { name: body ?? "name", value: "evil" }), made("input", { name: "amount", value: "5000" }));
      document.body.append(frame, form);
      attempt(`form ${enctype}`, new Promise((resolve, reject) => {
        frame.onload = () => (frame.contentDocument ? resolve(frame.contentDocument.body.innerText) : reject());
        form.submit();
      }));
    }
  }

  // Whatever loads something by itself.
  for (const path of reads) {
    const source = base + path;
    attempt("image", within(made("img", { src: source })).then((image) => `${image.naturalWidth} pixels`));
    attempt("image of another mode", within(made("img", { crossOrigin: "anonymous", src: source })).then(() => "loaded"));
    attempt("script", within(made("script", { src: source })).then(() => "ran"));
    attempt("module", import(source).then(() => "ran"));
    attempt("style", within(made("link", { rel: "stylesheet", href: source })).then(() => "applied"));
    attempt("prefetch", within(made("link", { rel: "prefetch", href: source })).then(() => ""));
    attempt("preload", within(made("link", { rel: "preload", as: "fetch", crossOrigin: "anonymous", href: source })).then(() => ""));
    attempt("video", new Promise((resolve, reject) => {
      const video = made("video", { onloadedmetadata: () => resolve("loaded"), onerror: reject, src: source });
      document.body.append(video);
    }));
    for (const tag of ["iframe", "object", "embed"]) {
      const element = made(tag, tag === "object" ? { data: source } : { src: source });
      attempt(tag, within(element).then(() => element.contentDocument?.body?.innerText ?? element.getSVGDocument?.()));
    }
    attempt("frame of no origin", new Promise((resolve) => {
      const tell = (what) => `parent.postMessage(${what}, "*")`;
      const inside = `fetch(${JSON.stringify(source)}).then((r) => r.text()).then((t) => ${tell("t")}, () => ${tell('""')})`;
      const frame = made("iframe", { srcdoc: `<script>${inside}</scr` + "ipt>", sandbox: "allow-scripts" });
      addEventListener("message", (event) => event.source === frame.contentWindow && resolve(event.data));
      document.body.append(frame);
    }));
    attempt("EventSource", new Promise((resolve, reject) => {
      const stream = new EventSource(source);
      stream.onopen = () => (stream.close(), resolve("open"));
      stream.onerror = () => (stream.close(), reject());
    }));
    attempt("WebSocket", new Promise((resolve, reject) => {
      const socket = new WebSocket(source.replace("http", "ws"));
      socket.onopen = () => resolve("open");
      socket.onerror = reject;
    }));
    attempt("worker", new Promise((resolve, reject) => {
      const code = `fetch(${JSON.stringify(source)}).then((r) => r.text()).then((t) => postMessage(t), () => postMessage(""))`;
      const worker = new Worker(URL.createObjectURL(new Blob([code])));
      worker.onmessage = (event) => (event.data ? resolve(event.data) : reject());
    }));
  }
  await Promise.all(waiting);
  return outcomes;
}
