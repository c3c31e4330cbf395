"use strict";
(() => {
  const filter = document.getElementById("filter");
  if (filter) {
    const onlyBad = document.getElementById("only-bad");
    const shown = document.getElementById("shown");
    const groups = [...document.querySelectorAll(".matrix tbody")].map((body) => ({
      body,
      name: body.querySelector(".class").textContent.toLowerCase(),
      rows: [...body.querySelectorAll(".test")].map((row) => ({
        row,
        text: row.querySelector("th").textContent.toLowerCase(),
        notable: row.dataset.notable === "true",
      })),
    }));
    const all = groups.reduce((n, g) => n + g.rows.length, 0);
    const apply = () => {
      const wanted = filter.value.trim().toLowerCase();
      let count = 0;
      for (const group of groups) {
        let any = false;
        for (const { row, text, notable } of group.rows) {
          const visible = (!onlyBad.checked || notable) && (text.includes(wanted) || group.name.includes(wanted));
          row.hidden = !visible;
          any ||= visible;
          count += visible;
        }
        group.body.hidden = !any;
      }
      shown.textContent = `${count} of ${all} tests`;
    };
    filter.addEventListener("input", apply);
    onlyBad.addEventListener("change", apply);
    filter.form.addEventListener("submit", (event) => event.preventDefault());
    filter.form.hidden = false;
    apply();
  }

  const holder = document.getElementById("chart-data");
  if (!holder || typeof Chart === "undefined") {
    return;
  }
  const data = JSON.parse(holder.textContent);
  const light = ["#4c6a92", "#7a9cc6", "#2f7f79", "#63b0a6", "#8a6d3b", "#c59b4a", "#8c4a6b", "#b0506a", "#6b6fb5", "#7f8790", "#3f8f4f", "#a05a2c", "#b04040"];
  const dark = ["#8fb0dc", "#5d80ad", "#6fc7bd", "#3f948b", "#d9b46a", "#a5843f", "#d48fb3", "#a8597d", "#a9acec", "#aab2bc", "#7fd08f", "#d99a6c", "#ef8a80"];
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const charts = [];
  const draw = () => {
    charts.splice(0).forEach((chart) => chart.destroy());
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--ink").trim();
    const line = style.getPropertyValue("--line").trim();
    const palette = scheme.matches ? dark : light;
    const bars = (id, series) => {
      const canvas = document.getElementById(id);
      if (!canvas) {
        return;
      }
      charts.push(new Chart(canvas, {
        type: "bar",
        data: {
          labels: data.techniques,
          datasets: series.map((s, i) => ({
            label: s.name,
            data: s.values,
            backgroundColor: palette[i % palette.length],
            borderColor: style.getPropertyValue("--paper").trim(),
            borderWidth: 1,
          })),
        },
        options: {
          indexAxis: "y",
          animation: false,
          maintainAspectRatio: false,
          color: ink,
          scales: {
            x: { stacked: true, title: { display: true, text: "seconds", color: ink }, ticks: { color: ink }, grid: { color: line } },
            y: { stacked: true, ticks: { color: ink }, grid: { display: false } },
          },
          plugins: {
            legend: { position: "bottom", labels: { color: ink, boxWidth: 14 } },
            tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${item.parsed.x.toFixed(3)} s` } },
          },
        },
      }));
    };
    bars("phase-chart", data.phases);
    bars("processor-chart", data.processor);
  };
  scheme.addEventListener("change", draw);
  draw();
})();
