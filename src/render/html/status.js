'use strict';
const field = document.getElementById('search');
const wrong = document.getElementById('wrong');
const found = document.getElementById('found');
const items = [...document.querySelectorAll('[data-item]')].map((element) => ({
  element,
  kind: element.dataset.item,
  text: element.textContent.toLowerCase(),
  isWrong: 'wrong' in element.dataset,
}));
const all = (kind) => items.filter((item) => item.kind === kind).length;

// The search is kept in the address, so that it outlives a refresh and can be passed on.
const search = new URLSearchParams(location.hash.slice(1));
field.value = search.get('q') ?? '';
wrong.checked = search.has('wrong');

function keep(more) {
  const kept = new URLSearchParams(more);
  if (field.value) kept.set('q', field.value);
  if (wrong.checked) kept.set('wrong', '');
  history.replaceState(null, '', '#' + kept);
}

function show() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const count = { server: 0, realm: 0 };
  for (const item of items) {
    const isMeant = (!wrong.checked || item.isWrong) && words.every((word) => item.text.includes(word));
    item.element.hidden = !isMeant;
    count[item.kind] += isMeant;
  }
  found.textContent = `${count.realm} of ${all('realm')} realms, ${count.server} of ${all('server')} servers`;
}

for (const tool of [field, wrong]) {
  tool.addEventListener('input', () => {
    show();
    keep();
  });
}
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && document.activeElement !== field) {
    event.preventDefault();
    field.focus();
  }
});
document.getElementById('tools').hidden = false;
show();
if (search.has('focus')) {
  field.focus();
}

const refresh = Number(document.body.dataset.refresh);
if (refresh) {
  const age = Math.round((Date.now() - Date.parse(document.querySelector('header time').dateTime)) / 1000);
  if (age > 3 * refresh + 60) {
    const old = document.getElementById('old');
    old.textContent = `This is ${Math.round(age / 60)} minutes old: nobody writes the page any more.`;
    old.hidden = false;
  }
  setTimeout(() => {
    const y = String(Math.round(scrollY));
    keep(document.activeElement === field ? { focus: '', y } : { y });
    location.reload();
  }, refresh * 1000);
  scrollTo(0, Number(search.get('y')));
}
