// Everything works without this: it refreshes figures in place and lets the time sliders answer at once.
'use strict';

// Only one question at a time; the answer to an older one is dropped.
let asking = null;

async function ask(url) {
  asking?.abort();
  const mine = asking = new AbortController();
  const response = await fetch(url, { credentials: 'same-origin', cache: 'no-store', signal: mine.signal });
  if (response.status === 401) {
    location.reload();
  }
  return new DOMParser().parseFromString(await response.text(), 'text/html');
}

function refresh(region) {
  // What screen readers hear stays outside the part that is replaced, and changes only when its words do.
  const said = document.createElement('p');
  said.setAttribute('role', 'status');
  const pause = document.createElement('button');
  pause.type = 'button';
  pause.className = 'quiet pause';
  pause.textContent = 'Pause';
  region.before(said, pause);
  let paused = false;
  pause.addEventListener('click', () => {
    paused = !paused;
    pause.textContent = paused ? 'Continue' : 'Pause';
  });

  function announce() {
    const news = region.querySelector('[data-announce]');
    if (news && news.textContent !== said.textContent) {
      said.textContent = news.textContent;
    }
    if (news) {
      said.className = news.className;
      news.remove();
    }
  }

  async function turn() {
    // A focused link or table in the region must not vanish under the reader.
    if (!paused && !document.hidden && !region.contains(document.activeElement)) {
      try {
        const page = await ask(region.dataset.refresh);
        region.replaceChildren(...page.body.childNodes);
        announce();
      } catch {
        said.textContent = 'The processor does not answer.';
        said.className = 'message bad';
      }
    }
    setTimeout(turn, region.dataset.seconds * 1000);
  }

  announce();
  setTimeout(turn, region.dataset.seconds * 1000);
}

function connect(group, changed) {
  const text = group.querySelector('input:not([type])');
  const slider = group.querySelector('input[type=range]');
  const tell = () => slider.setAttribute('aria-valuetext', text.value || 'latest');
  slider.step = slider.dataset.step;
  slider.addEventListener('input', () => {
    // The last step stands for the right end, which need not be a whole number of steps away.
    const isLatest = Number(slider.value) + Number(slider.step) > Number(slider.max);
    text.value = isLatest ? '' : new Date(Number(slider.value)).toISOString();
    tell();
    changed();
  });
  text.addEventListener('change', () => {
    const time = text.value ? Date.parse(text.value) : Number(slider.max);
    if (!Number.isNaN(time)) {
      slider.value = time;
    }
    tell();
    changed();
  });
  group.querySelector('select').addEventListener('change', () => group.closest('form').requestSubmit());
}

function live(form) {
  const target = form.dataset.live;
  let waiting = 0;
  form.querySelectorAll('[data-without-script]').forEach(button => { button.hidden = true; });
  form.querySelectorAll('[data-slider]').forEach(group => connect(group, () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      if (!form.elements.sku.value) {
        return;
      }
      const fields = new URLSearchParams(new FormData(form));
      [...fields.keys()].filter(name => /_(slider|most)$/.test(name) || !fields.get(name)).forEach(name => fields.delete(name));
      const url = form.getAttribute('action') + '?' + fields;
      try {
        const page = await ask(url);
        document.querySelector(target).replaceChildren(...(page.querySelector(target) ?? page.querySelector('main')).childNodes);
        history.replaceState(null, '', url);
      } catch (error) {
        if (error.name !== 'AbortError') {
          document.querySelector(target).textContent = 'The processor does not answer.';
        }
      }
    }, 200);
  }));
}

document.querySelectorAll('[data-refresh]').forEach(refresh);
document.querySelectorAll('form[data-live]').forEach(live);
