// The map file: draws what gis/maps/payload.py put into the page. Names from files reach the page
// only as text nodes, never as markup. Nothing is requested from anywhere.
"use strict";
(function () {
  const data = readData(document.getElementById("lianpian-data"));
  const state = { lang: data.meta.lang, mode: null, item: 0, shown: new Set() };
  let map, words, canvas, basePane;
  const drawn = {};            // overlay key -> L.layerGroup
  const estateShapes = [];     // one Leaflet path per estate
  const grounds = [];          // one per district
  let labels;

  function readData(block) {
    if (block.type === "application/json") return JSON.parse(block.textContent);
    const packed = Uint8Array.from(atob(block.textContent), (letter) => letter.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(fflate.unzlibSync(packed)));
  }

  const isNarrow = () => window.innerWidth < 720;

  // ---- small helpers -------------------------------------------------------------------------
  const say = (thing) => (thing ? thing[state.lang] || thing.zh : "");
  const known = (value) => value !== null && value !== undefined;
  const count = (value) => (known(value) ? Math.round(value).toLocaleString("en-US") : words.unknown);
  const figure = (value) => Math.abs(value) >= 1000 ? count(value) : String(Number(value.toPrecision(3)));
  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && known(value)) element.setAttribute(name, value);
    }
    for (const child of children.flat()) if (known(child)) element.append(child);
    return element;
  }

  // ---- geometry: deltas of 1e-6 degree from an origin ------------------------------------------
  function line(deltas) {
    const points = new Array(deltas.length / 2);
    let x = data.origin[0], y = data.origin[1];
    for (let i = 0; i < points.length; i++) {
      x += deltas[2 * i]; y += deltas[2 * i + 1];
      points[i] = [y / 1e6, x / 1e6];
    }
    return points;
  }
  function path(shape, style) {
    if (shape === null) return null;
    const options = Object.assign({ renderer: canvas }, style);
    if (shape.t === "p") return L.circleMarker(line(shape.c[0])[0], options);
    if (shape.t === "l") return L.polyline(shape.c.map(line), options);
    return L.polygon(shape.c.map((rings) => rings.map(line)), options);
  }

  // ---- styles of estates -----------------------------------------------------------------------
  const E = data.estates;
  function missingClass(n) {
    const steps = data.styles.missing;
    return steps.find((step) => n >= step.from && n <= step.to);
  }
  function estateColour(i) {
    if (state.mode === "district") {
      const d = E.district[i];
      return d >= 0 ? data.districts[d].colour : data.styles.none;
    }
    if (state.mode === "missing") return E.missing[i] < 0 ? data.styles.none : missingClass(E.missing[i]).colour;
    if (state.mode === "category") return data.styles.status[E.status[state.item][i]].colour;
    return data.styles.plain;
  }
  function estateStyle(i) {
    const colour = estateColour(i);
    const left = state.mode === "district" && E.district[i] < 0;
    return { fillColor: colour, fillOpacity: left ? 0.35 : 0.72, color: left ? "#7b8794" : "#34424e",
      weight: 0.9, dashArray: left ? "3 3" : null, radius: 6 };
  }
  function popupSize(height) {
    const narrow = isNarrow();
    return { maxWidth: narrow ? window.innerWidth - 60 : 380, minWidth: narrow ? 200 : 280,
      maxHeight: narrow ? Math.min(height, window.innerHeight - 220) : height,
      autoPanPaddingTopLeft: [8, 8], autoPanPaddingBottomRight: [8, narrow ? 110 : 8] };
  }
  function restyle() {
    estateShapes.forEach((shape, i) => shape && shape.setStyle(estateStyle(i)));
    styleGrounds(); showOverlays(); drawLegend(); drawLabels();
  }

  // ---- drawing ---------------------------------------------------------------------------------
  function drawBase() {
    const renderer = L.canvas({ pane: "base", padding: 0.3 });
    for (const pass of [0, 1])  // all edges of streets first, then all fillings
      for (const layer of data.base) {
        const style = layer.styles[pass];
        if (style) for (const shape of layer.shapes)
          path(shape, Object.assign({}, style, { interactive: false, renderer, pane: "base" })).addTo(map);
      }
  }
  function drawGrounds() {  // below the estates; only looked at
    const renderer = L.canvas({ pane: "grounds", padding: 0.3 });
    for (const district of data.districts) {
      const ground = path(district.ground, { interactive: false, renderer, pane: "grounds", smoothFactor: 0.5 });
      if (!ground) continue;
      ground.colour = district.colour;
      grounds.push(ground.addTo(map));
    }
  }
  function styleGrounds() {  // filled where districts are the theme, else their borders alone
    const theme = state.mode === "district";
    for (const ground of grounds) ground.setStyle({ fillColor: ground.colour, fillOpacity: theme ? 0.3 : 0,
      color: "#34424e", opacity: state.mode === "plain" ? 0 : theme ? 0.75 : 0.45, weight: theme ? 1.4 : 1.1 });
  }
  function drawEstates() {
    E.shapes.forEach((shape, i) => {
      const piece = path(shape, estateStyle(i));
      estateShapes.push(piece);
      if (!piece) return;
      piece.bindPopup(() => estatePopup(i), popupSize(430));
      piece.bindTooltip(() => name("estates", i), { sticky: true, direction: "top" });
      piece.addTo(map);
    });
  }
  const name = (key, i) => {
    const rows = key === "estates" ? E : data.overlays.find((layer) => layer.key === key).rows;
    return rows.name[i] || rows.uid[i];
  };
  function drawOverlays() {
    for (const layer of data.overlays) {
      const group = L.layerGroup();
      layer.shapes.forEach((shape, i) => {
        const kind = layer.classes[layer.rows ? layer.of[i] : i];
        const piece = path(shape, kind.style);
        if (!piece) return;
        if (layer.codes) piece.category = layer.codes[i];
        piece.options.size = kind.style.radius;
        if (layer.rows) piece.bindPopup(() => rowPopup(layer, i), popupSize(320));
        else piece.options.interactive = false;
        group.addLayer(piece);
      });
      drawn[layer.key] = group;
      if (layer.shown) state.shown.add(layer.key);
    }
  }
  function showOverlays() {
    for (const layer of data.overlays) {
      const want = state.shown.has(layer.key), is = map.hasLayer(drawn[layer.key]);
      if (want && !is) drawn[layer.key].addTo(map);
      if (!want && is) drawn[layer.key].remove();
    }
    for (const layer of data.overlays)  // lines above areas, points above lines
      if (state.shown.has(layer.key)) drawn[layer.key].eachLayer((piece) => piece.bringToFront());
    filterFacilities();
  }
  function filterFacilities() {  // a category is looked at alone: the other facilities step back
    const layer = data.overlays.find((one) => one.key === "facilities");
    if (!layer || !state.shown.has("facilities")) return;
    const wanted = state.mode === "category" ? data.items[state.item].categories : null;
    drawn.facilities.eachLayer((piece) => {
      const seen = !wanted || wanted.includes(piece.category);
      piece.options.interactive = seen;  // what cannot be seen must not catch the click on its estate
      piece.setStyle({ opacity: seen ? 1 : 0, fillOpacity: seen ? 0.95 : 0, radius: piece.options.size * (wanted && seen ? 1.35 : 1) });
    });
  }
  function drawLabels() {
    labels.clearLayers();
    const text = (at, content, kind) => labels.addLayer(L.marker(at, { interactive: false, keyboard: false,
      icon: L.divIcon({ className: "label " + kind, html: make("span", {}, content), iconSize: null }) }));
    if (state.mode === "district")
      data.districts.forEach((district) => text(line(district.at)[0], district.name, "district"));
    if (data.meta.sites && state.shown.has("chosen-sites")) {
      const pieces = drawn["chosen-sites"].getLayers();
      if (pieces.length <= 60) pieces.forEach((piece, i) => text(piece.getLatLng(), name("chosen-sites", i), "site"));
    }
    if (map.getZoom() >= 16) {
      const view = map.getBounds();
      let room = 120;
      estateShapes.forEach((shape, i) => {
        if (!shape || !E.name[i] || room <= 0) return;
        const at = shape.getBounds ? shape.getBounds().getCenter() : shape.getLatLng();
        if (view.contains(at)) { text(at, E.name[i], "estate"); room -= 1; }
      });
    }
  }

  // ---- popups ------------------------------------------------------------------------------------
  function facts(pairs) {
    return make("table", { class: "facts" }, pairs.filter((pair) => known(pair[1])).map((pair) =>
      make("tr", {}, make("th", {}, pair[0]), make("td", {}, String(pair[1])))));
  }
  function limitText(item) {
    return known(item.limit_m) ? count(item.limit_m) + " " + words.metres
      : item.limit_s / 60 + " " + words.minutes;
  }
  function walkText(status, walk) {  // a gap says so, and how far the walk is where that is known
    const metres = known(walk) ? count(walk) + " " + words.metres : null;
    if (status === "gap") return words.gap + " · " + (metres || words.beyond);
    return metres || words[status];
  }
  function estatePopup(i) {
    const pairs = [];
    if (data.districts.length) pairs.push([words.district,
      E.district[i] >= 0 ? data.districts[E.district[i]].name : (E.reason[i] ? say(E.reason[i]) : words.noPlan)]);
    for (const column of data.columns) {
      const value = E[column.name][i];
      if (column.name === "people")
        pairs.push([say(column), count(value) + (known(value) && E.estimated[i] ? words.estimated : "")]);
      else if (column.type === "count") pairs.push([say(column), known(value) ? count(value) : null]);
      else pairs.push([say(column), value]);
    }
    const rows = data.items.map((item, k) => {
      const status = E.status[k][i], walk = E.walk[k][i];
      return make("tr", { class: status },
        make("td", {}, make("i", { style: "background:" + data.styles.status[status].colour })),
        make("td", {}, say(item)),
        make("td", { class: "n" }, walkText(data.styles.status[status].word, walk)),
        make("td", { class: "n dim", title: item.clause }, limitText(item)));
    });
    const head = make("tr", {}, make("th", {}), make("th", {}, words.nearest), make("th", { class: "n" }, words.walk),
      make("th", { class: "n" }, words.limit));
    return make("div", { class: "popup" }, make("h3", {}, name("estates", i)), facts(pairs),
      rows.length ? make("table", { class: "items" }, head, rows) : null);
  }
  function rowPopup(layer, i) {
    const pairs = [[say(layer), say(layer.classes[layer.of[i]])]];
    for (const column of layer.columns) {
      const value = layer.rows[column.name][i];
      if (column.type === "words") pairs.push([say(column), say(value)]);
      else pairs.push([say(column), column.type === "count" && known(value) ? count(value) + " " + (column.unit || "") : value]);
    }
    return make("div", { class: "popup" }, make("h3", {}, name(layer.key, i)), facts(pairs));
  }

  // ---- panel -------------------------------------------------------------------------------------
  function drawPanel() {
    words = WORDS[state.lang];
    document.getElementById("north").textContent = words.north;
    document.documentElement.lang = state.lang === "zh" ? "zh-CN" : "en";
    document.getElementById("panel").replaceChildren(
      make("header", {}, make("h1", {}, data.meta.title), make("button", { type: "button", class: "lang",
        onclick: () => { state.lang = state.lang === "zh" ? "en" : "zh"; map.closePopup(); drawPanel(); } }, words.other)),
      searchBox(), headline(), modes(), make("section", { id: "legend" }), overlaySwitches(), basis());
    drawLegend(); drawLabels();
  }
  function searchBox() {
    const list = make("ul", { class: "found", role: "listbox" });
    const all = [{ key: "estates", rows: E, shapes: estateShapes }]
      .concat(data.overlays.filter((layer) => layer.rows && layer.search)
        .map((layer) => ({ key: layer.key, rows: layer.rows, shapes: drawn[layer.key].getLayers() })));
    const find = (text) => {
      const wanted = text.trim().toLowerCase(), found = [];
      if (wanted) for (const source of all)
        source.shapes.forEach((shape, i) => {
          const label = source.rows.name[i] || source.rows.uid[i];
          if (shape && found.length < 12 && label.toLowerCase().includes(wanted)) found.push({ source, shape, label });
        });
      list.replaceChildren(...found.map((hit) => make("li", {}, make("button", { type: "button", onclick: () => go(hit) }, hit.label))));
      if (wanted && !found.length) list.append(make("li", { class: "dim" }, words.nothing));
      return found;
    };
    const go = (hit) => {
      if (hit.source.key !== "estates" && !state.shown.has(hit.source.key)) {
        state.shown.add(hit.source.key); showOverlays(); drawPanel();
      }
      const at = hit.shape.getBounds ? hit.shape.getBounds().getCenter() : hit.shape.getLatLng();
      list.replaceChildren();
      if (isNarrow()) document.body.classList.add("folded");
      map.setView(at, Math.max(map.getZoom(), 17), { animate: false });
      hit.shape.openPopup(at);
    };
    const input = make("input", { type: "search", id: "search", placeholder: words.search, "aria-label": words.search,
      oninput: (event) => find(event.target.value),
      onkeydown: (event) => { if (event.key === "Enter") { const hits = find(event.target.value); if (hits.length) go(hits[0]); } } });
    return make("div", { class: "search" }, input, list);
  }
  function headline() {
    const box = (value, label, kind) => make("div", { class: kind || "" }, make("b", {}, value), make("span", {}, label));
    const total = data.meta.totals, boxes = [box(count(total.estates), words.estates)];
    if (known(total.households)) boxes.push(box(count(total.households), words.households));
    if (known(total.people)) boxes.push(box(count(total.people), words.people));
    if (data.districts.length) boxes.push(box(String(data.districts.length), words.districts));
    const notes = [], plan = data.meta.plan;
    if (plan && plan.broken) notes.push(make("div", { class: "broken", role: "alert" },
      make("b", {}, words.broken(plan.broken)), make("ul", {}, plan.faults.map((fault) => make("li", {}, say(fault)))),
      plan.broken > plan.faults.length ? make("p", {}, words.andMore(plan.broken - plan.faults.length)) : null));
    if (total.people_unknown) notes.push(make("p", { class: "dim" }, words.unknownPeople(total.people_unknown)));
    const gaps = data.meta.headline.map((line) => !known(line.estates)
      ? make("li", { class: "dim" }, say(line), words.colon, words["no-data"])
      : make("li", {}, make("b", {}, count(line.estates)), " ", words.headGap(say(line)), known(line.people) ? words.inBrackets(count(line.people) + " " + words.people) : ""));
    if (data.meta.sites) notes.push(...siteLines(data.meta.sites));
    return make("section", { class: "headline" }, make("div", { class: "boxes" }, boxes), notes,
      gaps.length ? make("ul", { class: "gaps" }, gaps) : null);
  }
  function siteLines(sites) {  // each service before and after, and whether the choice is proved
    return [make("ul", { class: "sites" }, sites.services.map((one) => make("li", {},
      make("b", {}, say(one)), " ", words.moreSites(one.count), make("br"),
      words.within(limitText(one)), " ", make("span", { class: "change" }, count(one.before) + " → " + count(one.after)
        + " (+" + count(one.after - one.before) + ")"),
      " / " + count(one.in_all) + " " + say(one.unit) + (one.estimated ? words.guessed(one.estimated) : ""),
      one.unreachable ? [make("br"), make("span", { class: "dim" }, words.unreachable(one.unreachable))] : null))),
      make("p", { class: "dim" }, [say(sites.status), say(sites.cost)].filter(Boolean).join(words.semicolon))];
  }
  function siteModes() {  // items come in pairs, in the order of the services: then, today
    const choose = (item) => { state.item = item; state.mode = "category";
      document.querySelector('input[value="category"]').checked = true; restyle(); };
    const when = (value, label, today) => make("label", {}, make("input", { type: "radio", name: "when", value,
      checked: state.item % 2 === today, onchange: () => choose(state.item - state.item % 2 + today) }), " ", label);
    const select = make("select", { "aria-label": words.byCategory,
      onchange: (event) => choose(2 * Number(event.target.value) + state.item % 2) },
      data.meta.sites.services.map((one, k) => make("option", { value: k, selected: k === Math.floor(state.item / 2) },
        say(one) + " · " + limitText(one))));
    return [select, make("div", { class: "when" }, when("then", words.then, 0), when("today", words.today, 1))];
  }
  function modes() {
    const radio = (mode, label, extra) => make("label", {}, make("input", { type: "radio", name: "mode", value: mode,
      checked: state.mode === mode, onchange: () => { state.mode = mode; restyle(); } }), " ", label, extra);
    const rows = [];
    if (data.districts.length) rows.push(radio("district", words.byDistrict + " · " + data.meta.plan.name));
    if (data.items.length && data.meta.sites) rows.push(radio("category", words.byCategory), siteModes());
    else if (data.items.length) {
      rows.push(radio("missing", words.byMissing));
      const select = make("select", { "aria-label": words.byCategory,
        onchange: (event) => { state.item = Number(event.target.value); state.mode = "category";
          document.querySelector('input[value="category"]').checked = true; restyle(); } },
        data.items.map((item, k) => make("option", { value: k, selected: k === state.item },
          say(item) + " · " + limitText(item) + " · " + (item.known ? (item.must ? words.must : words.may) : words["no-data"]))));
      rows.push(radio("category", words.byCategory), select);
    } else rows.push(make("p", { class: "dim" }, words.noCoverage));
    rows.push(radio("plain", words.byPlain));
    return make("section", { class: "modes" }, make("h2", {}, words.colourBy), rows.flat());
  }
  function swatch(style, kind) {
    if (kind === "line") return make("i", { class: "line", style: "border-top-color:" + style.color +
      ";border-top-style:" + (style.dashArray ? "dashed" : "solid") });
    return make("i", { class: kind === "point" ? "dot" : "", style: "background:" + (style.fillColor || style.colour) });
  }
  function drawLegend() {
    const rows = [];
    const row = (colour, label, number, go) => rows.push(make("li", go ? { class: "go", onclick: go } : {},
      swatch({ colour }), make("span", {}, label), known(number) ? make("em", {}, number) : null));
    if (state.mode === "district") {
      data.districts.forEach((district, d) => row(district.colour, district.name,
        words.estateOf(district.estates) + (known(district.people) ? " · " + count(district.people) + " " + words.people : ""),
        () => zoomTo((i) => E.district[i] === d)));
      for (const [label, lost] of [[words.leftOut, true], [words.noPlan, false]]) {
        const is = (i) => E.district[i] < 0 && Boolean(E.reason[i]) === lost;
        const out = E.district.filter((d, i) => is(i)).length;
        if (out) row(data.styles.none, label, words.estateOf(out), () => zoomTo(is));
      }
    } else if (state.mode === "missing") {
      data.styles.missing.forEach((step) => row(step.colour, step.from === 0 ? words.missingNone
        : (step.from === step.to ? step.from : step.from + "–" + step.to) + " " + words.missingUnit,
        words.estateOf(E.missing.filter((n) => n >= 0 && missingClass(n) === step).length)));
      const blank = E.missing.filter((n) => n < 0).length;
      if (blank) row(data.styles.none, words.notMeasured, words.estateOf(blank));
      const must = data.items.filter((item) => item.must), told = must.filter((item) => item.known);
      rows.push(make("li", { class: "dim" }, words.countedOf(told.length, must.length)));
    } else if (state.mode === "category") {
      data.styles.status.forEach((kind, s) => {
        const n = E.status[state.item].filter((status) => status === s).length;
        if (n || s < 2) row(kind.colour, words[kind.word], words.estateOf(n));
      });
      const item = data.items[state.item];
      rows.push(make("li", { class: "dim" }, item.clause + (item.verified ? "" : "（" + words.unverified + "）")));
    }
    const parts = [make("h2", {}, words.legend), make("ul", { class: "legend" }, rows)];
    for (const layer of data.overlays) if (state.shown.has(layer.key) && layer.legend)
      parts.push(make("h4", {}, say(layer)), make("ul", { class: "legend small" }, layer.classes.map((kind) =>
        make("li", {}, swatch(kind.style, layer.geometry), make("span", {}, say(kind)), kind.n ? make("em", {}, count(kind.n)) : null))));
    document.getElementById("legend").replaceChildren(...parts);
  }
  function zoomTo(test) {
    const bounds = L.latLngBounds([]);
    estateShapes.forEach((shape, i) => { if (shape && test(i)) bounds.extend(shape.getBounds ? shape.getBounds() : shape.getLatLng()); });
    if (bounds.isValid()) map.fitBounds(bounds, { padding: [40, 40], animate: false });
  }
  function overlaySwitches() {
    return make("section", {}, make("h2", {}, words.layers), data.overlays.map((layer) => make("label", { class: "check" },
      make("input", { type: "checkbox", value: layer.key, checked: state.shown.has(layer.key), onchange: (event) => {
        if (event.target.checked) state.shown.add(layer.key); else state.shown.delete(layer.key);
        showOverlays(); drawLegend(); drawLabels(); } }), " ", say(layer), make("em", {}, count(layer.n)))));
  }
  function basis() {
    const pairs = [[words.date, data.meta.date]];
    if (data.meta.rules) pairs.push([words.rule, say(data.meta.rules)], [words.source, data.meta.rules.source]);
    const plan = data.meta.plan;
    if (plan) {
      const best = plan.status === "feasible" && known(plan.objective)
        ? words.boundOf(figure(plan.objective), known(plan.bound) ? figure(plan.bound) : "") : "";
      pairs.push([words.byDistrict, plan.name + " · " + (words.status[plan.status] || plan.status) + best]);
      for (const size of plan.sizes) pairs.push([words.bounds(say(size.column)), count(size.low) + " – "
        + (known(size.high) ? count(size.high) : words.noBound) + (size.unit[state.lang] ? " " + size.unit[state.lang] : "")]);
    }
    for (const line of data.meta.basis) pairs.push([say(line), typeof line.value === "string" ? line.value : say(line.value)]);
    return make("section", { class: "basis" }, make("h2", {}, words.basis), facts(pairs),
      data.meta.notes.map((note) => make("p", { class: "dim" }, say(note))));
  }

  // ---- start -------------------------------------------------------------------------------------
  window.lianpianMap = function (leaflet) {
    map = leaflet;
    map.setMaxZoom(20);  // folium leaves this to tiles, and there are none
    words = WORDS[state.lang];
    state.item = Math.max(0, data.items.findIndex((item) => item.known));
    state.mode = data.meta.sites ? "category" : data.districts.length ? "district" : data.items.length ? "missing" : "plain";
    map.createPane("base").style.zIndex = 250;
    map.getPane("base").style.pointerEvents = "none";
    canvas = L.canvas({ padding: 0.3 });
    labels = L.layerGroup().addTo(map);
    map.createPane("grounds").style.zIndex = 300;
    map.getPane("grounds").style.pointerEvents = "none";
    drawBase(); drawGrounds(); drawEstates(); drawOverlays(); showOverlays();
    map.attributionControl && map.attributionControl.setPrefix(false);
    L.control.scale({ imperial: false, position: "bottomright", maxWidth: 160 }).addTo(map);
    const north = L.control({ position: "topright" });
    north.onAdd = () => make("div", { class: "north", "aria-hidden": "true" }, make("span", {}, "▲"), make("i", { id: "north" }));
    north.addTo(map);
    const box = data.bounds;
    map.fitBounds([[box[1], box[0]], [box[3], box[2]]], { paddingTopLeft: [12, 12], paddingBottomRight: [12, isNarrow() ? 104 : 12], animate: false });
    map.on("moveend zoomend", drawLabels);
    document.getElementById("toggle").addEventListener("click", () => document.body.classList.toggle("folded"));
    if (isNarrow()) document.body.classList.add("folded");
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && !/INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) { event.preventDefault(); document.getElementById("search").focus(); }
      if (event.key === "Escape") map.closePopup();
    });
    drawPanel();
    restyle();
    window.lianpianReady = true;
  };
})();
