// Where the words stand in the training text.

import {make} from './dom.js';
import {percent, t} from './strings.js';
import {clean} from './text.js';

export function drawSource(view) {
  const how = make('p', {className: 'soft', text: t('sourceHow', {num: view.min_chars})});
  if (view.asked === '') return [make('p', {text: t('noWords')})];
  if (!view.is_known) return [make('p', {text: t('sourceGone')}), make('p', {className: 'soft', dir: 'auto', text: clean(view.why_unknown)}), how];
  const {asked, spans, share, is_whole: isWhole, baseline} = view;
  const chars = [...asked]; // spans count code points
  const parts = [];
  let end = 0;
  for (const span of spans) {
    const start = Math.max(end, span.start); // spans may overlap, and the text is shown once
    parts.push(clean(chars.slice(end, start).join('')), make('mark', {text: clean(chars.slice(start, span.end).join(''))}));
    end = span.end;
  }
  const base = baseline && t('baseline', {share: percent(baseline.share), whole: percent(baseline.whole_share)});
  return [
    make('p', {className: 'pieces', dir: 'auto'}, ...parts, clean(chars.slice(end).join(''))),
    make('p', {text: t(isWhole ? 'sourceWhole' : spans.length ? 'sourceShare' : 'sourceNone', {share: percent(share)})}),
    ...(base ? [make('p', {text: base})] : []),
    ...spans.map(drawSpan),
    how,
  ];
}

function drawSpan({text, num_found: num, places}) {
  const rows = places.map(({before, after}) => make('blockquote', {dir: 'auto'}, clean(before), make('mark', {text: clean(text)}), clean(after)));
  return make('details', {}, make('summary', {}, make('bdi', {text: clean(text)}), ' ', t('found', {num})), ...rows);
}
