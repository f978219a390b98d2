// The demo's camera: frames of this page's camera go to the kernel, one answer comes back for each; or the kernel sends
// pictures of its own. Every page that shows the widget draws the same things; only the page whose button was pressed
// has the camera. Nothing that is seen here is kept: frames are messages, never part of the widget's saved state.

const TICK = 500; // ms between looks of the watchdog
const RATE_OVER = 2000; // ms over which frames a second are counted
const GAP = 1; // seconds without an answer, over which the curve of intensity is not drawn

const HELP = {
  NotAllowedError: "The browser did not allow the camera: allow it beside the page's address, then press Start again.",
  NotFoundError: "No camera was found: plug one in, or choose another source.",
  NotReadableError: "The camera does not start: close other programs that use it, then press Start again.",
  insecure:
    "The browser gives a camera only to pages at https:// or http://localhost: open this page so, or choose another source.",
  lost: "The camera was taken away: plug it in, then press Start again.",
  silent: "The kernel does not answer: the camera is off. Restart the kernel, and run the cell again.",
  restarted: "The kernel was restarted: the camera is off. Run the cell again.",
};

// Kernels answer in JSON, to every open page: each has a name of its own.
const newPage = () => Array.from(crypto.getRandomValues(new Uint32Array(2)), (part) => part.toString(36)).join("");

export default () => {
  const page = newPage();
  const views = new Set();
  const inFlight = new Map(); // number of a frame → when it was taken
  const answered = []; // when the last answers came
  const history = []; // {time, intensity, phase} of the last seconds
  // Never in the document: a <video> in a cell that is scrolled away would pause.
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
  const still = document.createElement("canvas");

  let model;
  let stream = null; // of the browser's camera
  let run = 0; // rises with every start and stop: what an older run left over is void
  let frames = 0;
  let encoding = false; // one frame at a time, so that they leave in their order
  let heard = 0; // when the kernel was last heard of
  let watchdog;
  let watched = ""; // which run's pictures of the kernel are on show, and which were last: some come late
  let over = "";
  let state = "idle"; // idle, starting, live, stopped or error
  let note = "";
  let news = null; // the newest answer
  let lately = null; // the newest probabilities: a face at rest has none

  const each = (what, ...given) => views.forEach((view) => view[what](...given));

  const tell = (newState, newNote = "") => {
    [state, note] = [newState, newNote];
    each("showState");
  };

  const say = (message, buffers = []) => {
    try {
      model.send({ ...message, page, run }, undefined, buffers);
    } catch {
      // the kernel is gone; the watchdog sees to the camera
    }
  };

  const running = () => state === "starting" || state === "live";

  const stop = (newState = "stopped", newNote = "", sayIt = true) => {
    if (!running()) return;
    if (sayIt) say({ kind: "stop" }); // while `run` is still the one that ends
    run += 1;
    [over, watched] = [watched, ""];
    clearInterval(watchdog);
    stream?.getTracks().forEach((track) => track.stop()); // this turns the camera's light off
    stream = video.srcObject = null;
    inFlight.clear();
    tell(newState, newNote);
    each("clear");
  };

  const watch = () => {
    const now = performance.now();
    // a hidden page sends nothing and waits for nothing; a kernel's source is expected to go on
    const since = stream ? Math.min(now, ...inFlight.values()) : heard;
    if (now - since > 1000 * model.get("patience")) stop("error", HELP.silent);
  };

  const start = async () => {
    if (running()) return;
    const mine = (run += 1);
    const source = model.get("source"); // another may be chosen while the browser asks the user for the camera
    history.length = answered.length = 0;
    lately = null;
    heard = performance.now();
    tell("starting");
    if (source === "browser" && !(await openCamera(mine))) return;
    watchdog = setInterval(watch, TICK);
    say({ kind: "start", source });
    if (stream) {
      tell("live");
      each("attach");
      waitForFrame(mine);
    }
  };

  const openCamera = async (mine) => {
    if (!navigator.mediaDevices?.getUserMedia) {
      tell("error", HELP.insecure);
      return false;
    }
    try {
      const size = { width: { ideal: model.get("width") }, height: { ideal: model.get("height") } };
      const opened = await navigator.mediaDevices.getUserMedia({ audio: false, video: size });
      if (mine !== run) {
        // stopped while the browser asked the user
        opened.getTracks().forEach((track) => track.stop());
        return false;
      }
      stream = video.srcObject = opened;
      opened.getVideoTracks()[0].onended = () => stop("error", HELP.lost);
      await video.play();
      return mine === run;
    } catch (error) {
      if (mine === run) stop("error", HELP[error.name] ?? `${error.name}: ${error.message}`);
      return false;
    }
  };

  // The newest frame only: while the kernel is busy, frames are skipped.
  const waitForFrame = (mine) => {
    if (mine !== run) return;
    video.requestVideoFrameCallback(() => {
      if (mine !== run) return;
      if (!encoding && inFlight.size < model.get("window")) sendFrame(mine);
      waitForFrame(mine);
    });
  };

  const sendFrame = (mine) => {
    const taken = performance.now();
    const number = (frames += 1);
    inFlight.set(number, taken);
    // the camera's own shape, not wider than asked for
    const scale = Math.min(1, model.get("width") / video.videoWidth);
    still.width = Math.round(video.videoWidth * scale);
    still.height = Math.round(video.videoHeight * scale);
    still.getContext("2d").drawImage(video, 0, 0, still.width, still.height);
    const send = async (blob) => {
      const bytes = await blob?.arrayBuffer();
      encoding = false;
      if (mine !== run) return;
      if (bytes) say({ kind: "frame", number, time: taken / 1000 }, [bytes]);
      else inFlight.delete(number);
    };
    encoding = true;
    still.toBlob(send, "image/jpeg", model.get("quality"));
  };

  const receive = (message, buffers) => {
    heard = performance.now();
    const key = `${message.page}/${message.run}`;
    if (message.kind === "stop") {
      // it may be about a run that has ended since
      const meant = key === `${page}/${run}` || (!stream && key === watched);
      if (meant) stop(message.error ? "error" : "stopped", message.note, false);
      if (meant && message.again) start();
    } else if (message.kind === "answer" && message.page === page && inFlight.has(message.number)) {
      message.delay = heard - inFlight.get(message.number);
      inFlight.delete(message.number);
      take(message, buffers[0]);
    } else if (message.kind === "picture") {
      if (stream || key === over || (message.page === page && message.run !== run)) return;
      say({ kind: "seen", number: message.number });
      watched = key;
      if (!running()) watchdog = setInterval(watch, TICK); // another page has started it
      if (state !== "live") tell("live");
      each("picture", buffers[1]);
      take(message, buffers[0]);
    }
  };

  const take = (message, points) => {
    news = message;
    lately = message.probabilities ?? lately;
    answered.push(heard);
    while (answered[0] < heard - RATE_OVER) answered.shift();
    if (message.time < history.at(-1)?.time) history.length = 0; // a clip began again
    history.push(message);
    while (history[0].time < message.time - model.get("span")) history.shift();
    const found = points?.byteLength ? new Int16Array(points.buffer ?? points, points.byteOffset ?? 0) : null;
    each("draw", found);
  };

  const rate = () => {
    const over = Math.max(answered.at(-1) - answered[0], 1);
    return answered.length > 1 ? (1000 * (answered.length - 1)) / over : 0;
  };

  return {
    initialize(context) {
      model = context.model;
      model.on("msg:custom", receive);
      // the kernel stops a stream that runs: it knows whether the source was chosen before the start or after it
      model.on("change:source", () => running() || tell("idle"));
      model.on("comm_live_update", () => stop("error", HELP.restarted));
      const leave = () => stop();
      window.addEventListener("pagehide", leave);
      return () => {
        window.removeEventListener("pagehide", leave);
        stop();
      };
    },

    render({ el }) {
      const parts = build(el);
      const view = {
        showState() {
          el.dataset.state = state;
          el.dataset.source = model.get("source");
          parts.note.textContent = note || { idle: "The camera is off.", starting: "Starting…" }[state] || "";
          parts.start.disabled = running();
          parts.stop.disabled = !running();
        },
        attach() {
          parts.picture.hidden = true;
          parts.video.hidden = false;
          parts.video.srcObject = stream;
          parts.video.play().catch(() => {}); // cut short where the view goes away at once
        },
        picture(bytes) {
          parts.video.hidden = true;
          parts.picture.hidden = false;
          URL.revokeObjectURL(parts.picture.src);
          parts.picture.src = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
        },
        draw(points) {
          Object.assign(el.dataset, { frames: +(el.dataset.frames ?? 0) + 1, found: Boolean(points) });
          el.dataset.emotion = news.emotion ?? "";
          el.dataset.phase = news.phase ?? "";
          el.dataset.others = news.others?.length ?? 0;
          el.dataset.rate = rate().toFixed(1);
          drawMesh(parts.mesh, points, news, model);
          parts.bars.classList.toggle("fer-at-rest", !news.probabilities);
          drawBars(parts.bars, { probabilities: lately, emotion: news.emotion }, model);
          drawCurve(parts.curve, history, model.get("span"));
          parts.emotion.textContent = news.emotion ?? "–";
          parts.phase.textContent = news.phase ?? "";
          parts.why.textContent = news.error || (news.emotion ? "" : news.why);
          const delay = news.delay ? `, answered after ${news.delay.toFixed(0)} ms` : "";
          parts.rate.textContent = `${rate().toFixed(0)} frames/s${delay}`;
        },
        clear() {
          parts.video.srcObject = null;
          URL.revokeObjectURL(parts.picture.src);
          parts.picture.removeAttribute("src");
          parts.picture.hidden = true;
          parts.mesh.width = parts.mesh.width; // empties it
          parts.curve.width = parts.curve.width;
          drawBars(parts.bars, {}, model);
          for (const part of [parts.emotion, parts.phase, parts.why, parts.rate]) part.textContent = "";
        },
      };
      parts.start.onclick = start;
      parts.stop.onclick = () => stop();
      views.add(view);
      view.showState();
      drawBars(parts.bars, {}, model);
      const newClasses = () => drawBars(parts.bars, {}, model);
      model.on("change:classes", newClasses);
      if (stream) view.attach();
      return () => {
        model.off("change:classes", newClasses);
        views.delete(view);
        if (!views.size) stop(); // the cell's output was cleared, or the cell run again
      };
    },
  };
};

// The elements of a view, by name.
const build = (el) => {
  el.classList.add("fer-camera");
  el.innerHTML = `
    <div class="fer-stage">
      <video data-part="video" muted playsinline hidden></video>
      <img data-part="picture" alt="" hidden>
      <canvas data-part="mesh"></canvas>
      <div class="fer-note" data-part="note"></div>
    </div>
    <div class="fer-side">
      <div class="fer-buttons">
        <button data-part="start">Start</button>
        <button data-part="stop">Stop</button>
        <span data-part="rate"></span>
      </div>
      <div class="fer-label"><b data-part="emotion"></b> <span data-part="phase"></span></div>
      <div class="fer-why" data-part="why"></div>
      <div class="fer-bars" data-part="bars"></div>
      <canvas class="fer-curve" data-part="curve"></canvas>
    </div>`;
  return Object.fromEntries([...el.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
};

// `points`: x, y, x, y, … in eighths of a pixel of the frame.
const drawMesh = (canvas, points, { width, height, others }, model) => {
  const scale = 2; // finer than the frame, which is shown larger than it is
  [canvas.width, canvas.height] = [scale * width, scale * height];
  if (!points) return;
  const pen = canvas.getContext("2d");
  pen.scale(scale / 8, scale / 8);
  if (others?.length) drawFrames(pen, points, others);
  if (!model.get("mesh")) return;
  const edges = numbers(model.get("edges"));
  pen.beginPath();
  for (let at = 0; at < edges.length; at += 2) {
    pen.moveTo(points[2 * edges[at]], points[2 * edges[at] + 1]);
    pen.lineTo(points[2 * edges[at + 1]], points[2 * edges[at + 1] + 1]);
  }
  pen.lineWidth = 4;
  pen.strokeStyle = "rgba(255, 255, 255, 0.35)";
  pen.stroke();
  for (const [colour, indices] of Object.entries(model.get("dots"))) {
    pen.fillStyle = colour;
    for (const index of indices) {
      pen.beginPath();
      pen.arc(points[2 * index], points[2 * index + 1], 11, 0, 2 * Math.PI);
      pen.fill();
    }
  }
};

// A solid frame around the face that is followed, dashed ones around the others.
const drawFrames = (pen, points, others) => {
  const [x, y] = [0, 1].map((axis) => Array.from(points).filter((_, at) => at % 2 === axis));
  const followed = [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)];
  [followed, ...others.map((box) => box.map((side) => 8 * side))].forEach(([left, top, right, bottom], number) => {
    pen.lineWidth = 16;
    pen.strokeStyle = number ? "rgba(255, 255, 255, 0.6)" : "#ffffff";
    pen.setLineDash(number ? [32, 32] : []);
    pen.strokeRect(left, top, right - left, bottom - top);
  });
  pen.setLineDash([]);
};

const numbers = (view) => new Uint16Array(view.buffer, view.byteOffset, view.byteLength / 2);

const drawBars = (element, { probabilities, emotion }, model) => {
  const [classes, colours] = [model.get("classes"), model.get("colours")];
  if (element.dataset.classes !== classes.join()) {
    element.dataset.classes = classes.join();
    element.replaceChildren(...classes.map((name) => makeBar(name, colours[name])));
  }
  for (const row of element.children) {
    const share = probabilities?.[row.dataset.name] ?? 0;
    row.querySelector("i").style.width = `${100 * share}%`;
    row.classList.toggle("fer-named", row.dataset.name === emotion);
    row.lastChild.textContent = probabilities ? `${(100 * share).toFixed(0)} %` : "";
  }
};

const makeBar = (name, colour = "#8A8A8A") => {
  const row = document.createElement("div");
  row.dataset.name = name;
  row.innerHTML = "<span></span><div><i></i></div><span></span>";
  row.firstChild.textContent = name;
  row.querySelector("i").style.background = colour;
  return row;
};

// The intensity of the last `span` seconds, with a line where a phase began.
const drawCurve = (canvas, history, span) => {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.font = "11px system-ui, sans-serif";
  const ink = getComputedStyle(canvas).color;
  const end = history.at(-1).time;
  const top = Math.max(0.02, ...history.map((each) => each.intensity ?? 0));
  const x = (time) => width - (width * (end - time)) / span;
  const y = (value) => height - 20 - ((height - 38) * value) / top;
  const written = {}; // phase → where its last name ends

  pen.fillStyle = pen.strokeStyle = ink;
  pen.globalAlpha = 0.6;
  pen.fillText(`intensity, last ${span} s`, 4, height - 5);
  history.forEach((each, at) => {
    const before = history[at - 1];
    if (!before || !each.phase || each.phase === before.phase || each.phase === "neutral") return;
    pen.setLineDash({ onset: [2, 3], apex: [], offset: [6, 4] }[each.phase]);
    pen.beginPath();
    pen.moveTo(x(each.time), 14);
    pen.lineTo(x(each.time), height - 18);
    pen.stroke();
    const start = Math.min(x(each.time) + 3, width - pen.measureText(each.phase).width); // not cut off at the right
    if (start < (written[each.phase] ?? 0)) return; // names do not overlap
    pen.fillText(each.phase, start, { onset: 10, apex: 22, offset: 34 }[each.phase]);
    written[each.phase] = start + pen.measureText(`${each.phase} `).width;
  });
  pen.setLineDash([]);
  pen.globalAlpha = 1;
  pen.strokeStyle = ink;
  pen.lineWidth = 2;
  pen.beginPath();
  let last = -Infinity;
  for (const { time, intensity } of history) {
    if (intensity == null) last = -Infinity;
    else {
      if (time - last < GAP) pen.lineTo(x(time), y(intensity));
      else pen.moveTo(x(time), y(intensity));
      last = time;
    }
  }
  pen.stroke();
};
