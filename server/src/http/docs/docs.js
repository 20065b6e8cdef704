// Renders /openapi.json. Everything is put in as text, so that nothing in the document can become markup.
'use strict';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function resolve(api, schema) {
  const name = schema.$ref?.split('/').pop();
  return name === undefined ? schema : (api.components.schemas[name] ?? {});
}

function typeOf(api, schema, depth = 0) {
  const found = resolve(api, schema);
  const name = schema.$ref?.split('/').pop();
  if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (found.const !== undefined) return JSON.stringify(found.const);
  const choices = found.oneOf ?? found.anyOf;
  if (choices && depth < 3) return choices.map((choice) => typeOf(api, choice, depth + 1)).join(' | ');
  if (found.type === 'array' && depth < 3) return `${typeOf(api, found.items ?? {}, depth + 1)}[]`;
  if (name && found.type === 'object') return name;
  return [found.type ?? 'any'].flat().join(' | ');
}

function fields(api, schema) {
  const found = resolve(api, schema);
  const rows = Object.entries(found.properties ?? {}).map(([name, field]) => {
    const optional = (found.required ?? []).includes(name) ? '' : '?';
    const about = field.description ?? resolve(api, field).description ?? '';
    return element('tr', {}, element('td', {}, element('code', {}, name + optional)), element('td', {}, typeOf(api, field)), element('td', {}, about));
  });
  return rows.length === 0 ? element('p', {}, element('code', {}, typeOf(api, schema))) : element('table', {}, ...rows);
}

function parameters(list) {
  const rows = list.map((one) =>
    element('tr', {}, element('td', {}, element('code', {}, one.name + (one.required ? '' : '?'))), element('td', {}, one.in), element('td', {}, one.description ?? '')));
  return element('table', {}, ...rows);
}

function call(api, path, method, operation) {
  const needs = operation.security.flatMap(Object.keys).join(', ') || 'no credentials';
  const made = element('section', { class: 'call', id: operation.operationId },
    element('h3', {}, element('span', { class: 'method' }, method.toUpperCase()), path),
    element('p', {}, `${operation.summary} (${needs})`));
  if (operation.parameters.length > 0) made.append(parameters(operation.parameters));
  const body = operation.requestBody?.content['application/json']?.schema;
  if (body) made.append(element('h4', {}, 'Body'), fields(api, body));
  for (const [status, response] of Object.entries(operation.responses)) {
    if (status === 'default') continue;
    made.append(element('h4', {}, `${status} ${response.description}`));
    const schema = response.content?.['application/json']?.schema;
    if (schema) made.append(fields(api, schema));
  }
  return made;
}

function codes(api) {
  const rows = api['x-codes'].map((one) =>
    element('tr', { id: `code-${one.code}` }, element('td', {}, element('code', {}, one.code)), element('td', {}, String(one.status)),
      element('td', {}, one.temporary ? 'try again' : '')));
  return element('section', {}, element('h2', {}, 'Codes'), element('table', {}, ...rows));
}

async function main() {
  const api = await (await fetch('/openapi.json')).json();
  document.getElementById('about').textContent = `${api.info.description} Version ${api.info.version}.`;
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((one) => item[one])) {
      const operation = item[method];
      const group = groups.get(operation.tags[0]) ?? [];
      group.push(call(api, path, method, operation));
      groups.set(operation.tags[0], group);
    }
  }
  const contents = document.getElementById('contents');
  const calls = document.getElementById('calls');
  for (const [name, group] of groups) {
    contents.append(element('a', { href: `#group-${name}` }, name));
    calls.append(element('h2', { id: `group-${name}` }, name), ...group);
  }
  calls.append(codes(api));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

main().catch((error) => document.getElementById('calls').replaceChildren(`The description cannot be shown: ${error}`));
