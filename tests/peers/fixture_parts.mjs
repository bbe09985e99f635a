// What the conformance fixture offers: the tools, prompts and resources named in the suite's own scenario descriptions.

import { randomBytes } from 'node:crypto';
import { McpServer, ProtocolError, ResourceTemplate, acceptedContent, createRequestStateCodec, fromJsonSchema, inputRequired, inputResponse } from '@modelcontextprotocol/server';

// A one-pixel PNG, and a WAV file of a single silent sample.
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=';
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAAAAAA==';

// State that travels through the client is signed; one process serves every round.
const states = createRequestStateCodec({ key: randomBytes(32) });

const NOTHING = { type: 'object', properties: {} };
const text = (words) => ({ content: [{ type: 'text', text: words }] });
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
const fields = (properties) => ({ type: 'object', properties, required: Object.keys(properties) });
const ask = (message, properties) => inputRequired.elicit({ message, requestedSchema: fields(properties) });
const askName = () => ask('What is your name?', { name: { type: 'string' } });
const askModel = (words, maxTokens) => inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: words } }], maxTokens });

/** A fresh server; `announce` is called with `toolsChanged` or `promptsChanged`. */
export function fixtureServer(announce) {
  const server = new McpServer(
    { name: 'countersign-conformance-fixture', version: '1.0.0' },
    {
      capabilities: { tools: { listChanged: true }, prompts: { listChanged: true }, resources: { subscribe: true, listChanged: true }, logging: {}, completions: {} },
      // Public on purpose: whoever filters a list per grant has to make it private.
      cacheHints: { 'tools/list': { ttlMs: 60_000, cacheScope: 'public' } },
      requestState: { verify: states.verify },
    },
  );
  const tool = (name, description, schema, run) => server.registerTool(name, { description, inputSchema: fromJsonSchema(schema) }, run);
  contentTools(tool);
  streamingTools(tool);
  askingTools(tool);
  schemaTools(tool);
  changeTools(tool, announce);
  inputRequiredTools(tool);
  prompts(server);
  resources(server);
  return server;
}

function contentTools(tool) {
  const image = { type: 'image', data: PNG, mimeType: 'image/png' };
  const embedded = (uri, mimeType, words) => ({ type: 'resource', resource: { uri, mimeType, text: words } });
  tool('test_simple_text', 'Answers with one text.', NOTHING, () => text('This is a simple text response for testing.'));
  tool('test_image_content', 'Answers with an image.', NOTHING, () => ({ content: [image] }));
  tool('test_audio_content', 'Answers with a sound.', NOTHING, () => ({ content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }] }));
  tool('test_embedded_resource', 'Answers with a resource.', NOTHING, () => ({
    content: [embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')],
  }));
  tool('test_multiple_content_types', 'Answers with text, image and resource.', NOTHING, () => ({
    content: [{ type: 'text', text: 'Multiple content types test:' }, image, embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}')],
  }));
  tool('test_error_handling', 'Always answers with an error.', NOTHING, () => ({ ...text('This tool intentionally returns an error for testing'), isError: true }));
}

function streamingTools(tool) {
  tool('test_tool_with_logging', 'Logs three times while it runs.', NOTHING, async (_, ctx) => {
    for (const words of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await ctx.mcpReq.log('info', words);
      await pause();
    }
    return text('Tool with logging executed successfully');
  });
  tool('test_logging_tool', 'Logs once; the client hears of it only when it asked for logs.', NOTHING, async (_, ctx) => {
    await ctx.mcpReq.log('info', 'Logged by the fixture');
    return text('Logged.');
  });
  tool('test_tool_with_progress', 'Reports progress three times when a token was given.', NOTHING, async (_, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
      await pause();
    }
    return text('Tool with progress executed successfully');
  });
  tool('test_reconnection', 'Closes its stream in mid-call; the result is fetched by resuming it.', NOTHING, async (_, ctx) => {
    ctx.http?.closeSSE?.();
    await pause();
    await pause();
    return text('Reconnection test completed successfully.');
  });
}

// Written once for both eras: in 2025 the server package asks the client itself, in 2026 the client comes back.
function askingTools(tool) {
  const answered = (ctx, key) => ctx.mcpReq.inputResponses?.[key];
  const elicits = (name, description, schema, request) =>
    tool(name, description, schema, (args, ctx) => {
      const answer = answered(ctx, 'answer');
      if (answer === undefined) return inputRequired({ inputRequests: { answer: request(args) } });
      return text(`Elicitation completed: action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`);
    });
  tool('test_sampling', 'Asks the client’s model.', fields({ prompt: { type: 'string' } }), ({ prompt }, ctx) => {
    const answer = answered(ctx, 'answer');
    if (answer === undefined) return inputRequired({ inputRequests: { answer: askModel(prompt, 100) } });
    return text(`LLM response: ${answer.content?.text ?? ''}`);
  });
  elicits('test_elicitation', 'Asks the person at the client.', fields({ message: { type: 'string' } }), ({ message }) => ask(message, { response: { type: 'string' } }));
  elicits('test_elicitation_sep1034_defaults', 'Asks with a default for each kind of field.', NOTHING, () =>
    inputRequired.elicit({
      message: 'Please review and update the form fields with defaults',
      requestedSchema: {
        type: 'object',
        properties: {
          name: { type: 'string', default: 'John Doe' },
          age: { type: 'integer', default: 30 },
          score: { type: 'number', default: 95.5 },
          status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
          verified: { type: 'boolean', default: true },
        },
        required: [],
      },
    }),
  );
  const titled = (values, titles) => values.map((value, at) => ({ const: value, title: titles[at] }));
  const plain = ['option1', 'option2', 'option3'];
  const choices = titled(['value1', 'value2', 'value3'], ['First Choice', 'Second Choice', 'Third Choice']);
  elicits('test_elicitation_sep1330_enums', 'Asks with each kind of choice.', NOTHING, () =>
    inputRequired.elicit({
      message: 'Please select options from the enum fields',
      requestedSchema: {
        type: 'object',
        properties: {
          untitledSingle: { type: 'string', enum: plain },
          titledSingle: { type: 'string', oneOf: choices },
          legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
          untitledMulti: { type: 'array', items: { type: 'string', enum: plain } },
          titledMulti: { type: 'array', items: { anyOf: choices } },
        },
        required: [],
      },
    }),
  );
}

function schemaTools(tool) {
  tool(
    'json_schema_2020_12_tool',
    'Tool with JSON Schema 2020-12 features',
    {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
      properties: {
        name: { type: 'string' },
        address: { $ref: '#/$defs/address' },
        contactMethod: { type: 'string', enum: ['phone', 'email'] },
        phone: { type: 'string' },
        email: { type: 'string' },
      },
      allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
      if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
      then: { required: ['phone'] },
      else: { required: ['email'] },
      additionalProperties: false,
    },
    (args) => text(`Reached by ${args.contactMethod ?? 'any means'}.`),
  );
  tool(
    'test_header_mirror',
    'Wants its region repeated in a header.',
    { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, note: { type: 'string' } } },
    ({ region }) => text(`Region: ${region ?? 'none'}`),
  );
}

function changeTools(tool, announce) {
  tool('test_trigger_tool_change', 'Announces a change of the tool list.', NOTHING, () => {
    announce('toolsChanged');
    return text('Announced.');
  });
  tool('test_trigger_prompt_change', 'Announces a change of the prompt list.', NOTHING, () => {
    announce('promptsChanged');
    return text('Announced.');
  });
}

// 2026-07-28: a call that needs an answer ends with what it needs, and is made again with the answer.
function inputRequiredTools(tool) {
  const needs = (inputRequests, requestState) => inputRequired({ inputRequests, requestState });
  const accepted = (ctx, key) => acceptedContent(ctx.mcpReq.inputResponses, key);
  const confirm = () => ({ confirm: ask('Please confirm', { ok: { type: 'boolean' } }) });
  const declared = (ctx) => ctx.mcpReq.envelope?.['io.modelcontextprotocol/clientCapabilities'] ?? {};

  tool('test_input_required_result_elicitation', 'Asks for a name.', NOTHING, (_, ctx) => {
    const name = accepted(ctx, 'user_name')?.name;
    return typeof name === 'string' ? text(`Hello, ${name}!`) : needs({ user_name: askName() });
  });
  tool('test_input_required_result_sampling', 'Asks the client’s model for a capital.', NOTHING, (_, ctx) => {
    const answer = ctx.mcpReq.inputResponses?.capital_question;
    return answer ? text(answer.content?.text ?? '') : needs({ capital_question: askModel('What is the capital of France?', 100) });
  });
  tool('test_input_required_result_list_roots', 'Asks for the client’s roots.', NOTHING, (_, ctx) => {
    const roots = ctx.mcpReq.inputResponses?.client_roots?.roots;
    return roots ? text(`Roots: ${roots.map((root) => root.uri).join(', ')}`) : needs({ client_roots: inputRequired.listRoots() });
  });
  tool('test_input_required_result_request_state', 'Asks for a yes, and checks its own state.', NOTHING, async (_, ctx) => {
    if (ctx.mcpReq.requestState()?.step === 'confirm' && accepted(ctx, 'confirm')) return text('state-ok');
    return needs(confirm(), await states.mint({ step: 'confirm' }));
  });
  tool('test_input_required_result_tampered_state', 'As above; a state changed on the way is refused.', NOTHING, async (_, ctx) => {
    if (ctx.mcpReq.requestState()?.step === 'sealed' && accepted(ctx, 'confirm')) return text('state-ok');
    return needs(confirm(), await states.mint({ step: 'sealed' }));
  });
  tool('test_input_required_result_multiple_inputs', 'Asks for three things at once.', NOTHING, async (_, ctx) => {
    const given = ctx.mcpReq.inputResponses ?? {};
    if (ctx.mcpReq.requestState()?.step === 'all' && given.user_name && given.greeting && given.client_roots) return text('All answers arrived.');
    return needs({ user_name: askName(), greeting: askModel('Generate a greeting', 50), client_roots: inputRequired.listRoots() }, await states.mint({ step: 'all' }));
  });
  tool('test_input_required_result_multi_round', 'Asks twice.', NOTHING, async (_, ctx) => {
    const state = ctx.mcpReq.requestState();
    if (state?.step === 2 && accepted(ctx, 'step2')) return text(`${state.name} likes ${accepted(ctx, 'step2').color}.`);
    if (state?.step === 1 && accepted(ctx, 'step1')) {
      return needs({ step2: ask('Step 2: What is your favorite color?', { color: { type: 'string' } }) }, await states.mint({ step: 2, name: accepted(ctx, 'step1').name }));
    }
    return needs({ step1: ask('Step 1: What is your name?', { name: { type: 'string' } }) }, await states.mint({ step: 1 }));
  });
  tool('test_input_required_result_capabilities', 'Asks only in ways the client declared.', NOTHING, (_, ctx) => {
    const requests = {};
    if (declared(ctx).elicitation) requests.form = askName();
    if (declared(ctx).sampling) requests.model = askModel('Generate a greeting', 50);
    return Object.keys(requests).length > 0 && !ctx.mcpReq.inputResponses ? needs(requests) : text('Nothing left to ask.');
  });
  tool('test_missing_capability', 'Needs a client with sampling.', NOTHING, (_, ctx) => {
    const answer = ctx.mcpReq.inputResponses?.model;
    return answer ? text('Answered.') : needs({ model: askModel('Anything', 10) });
  });
  tool('test_streaming_elicitation', 'Asks in a stream.', NOTHING, (_, ctx) => (accepted(ctx, 'user_name') ? text('Answered.') : needs({ user_name: askName() })));
}

function prompts(server) {
  const said = (words) => ({ role: 'user', content: { type: 'text', text: words } });
  const strings = (...names) => fromJsonSchema(fields(Object.fromEntries(names.map((name) => [name, { type: 'string' }]))));
  server.registerPrompt('test_simple_prompt', { description: 'A prompt without arguments.' }, () => ({ messages: [said('This is a simple prompt for testing.')] }));
  server.registerPrompt('test_prompt_with_arguments', { description: 'A prompt with two arguments.', argsSchema: strings('arg1', 'arg2') }, ({ arg1, arg2 }) => ({
    messages: [said(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)],
  }));
  server.registerPrompt('test_prompt_with_embedded_resource', { description: 'A prompt with a resource inside.', argsSchema: strings('resourceUri') }, ({ resourceUri }) => ({
    messages: [
      { role: 'user', content: { type: 'resource', resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' } } },
      said('Please process the embedded resource above.'),
    ],
  }));
  server.registerPrompt('test_prompt_with_image', { description: 'A prompt with an image inside.' }, () => ({
    messages: [{ role: 'user', content: { type: 'image', data: PNG, mimeType: 'image/png' } }, said('Please analyze the image above.')],
  }));
  server.registerPrompt('test_input_required_result_prompt', { description: 'A prompt that asks for its context.' }, (ctx) => {
    const context = acceptedContent(ctx.mcpReq.inputResponses, 'user_context')?.context;
    if (context !== undefined) return { messages: [said(`Context: ${context}`)] };
    return inputRequired({ inputRequests: { user_context: ask('What context should the prompt use?', { context: { type: 'string' } }) } });
  });
  server.server.setRequestHandler('completion/complete', ({ params }) => {
    const values = ['paris', 'park', 'party'].filter((word) => word.startsWith(params.argument.value));
    return { completion: { values, total: values.length, hasMore: false } };
  });
}

function resources(server) {
  const plain = { mimeType: 'text/plain' };
  server.registerResource('static-text', 'test://static-text', plain, (uri) => ({
    contents: [{ uri: uri.href, ...plain, text: 'This is the content of the static text resource.' }],
  }));
  server.registerResource('static-binary', 'test://static-binary', { mimeType: 'image/png' }, (uri) => ({ contents: [{ uri: uri.href, mimeType: 'image/png', blob: PNG }] }));
  server.registerResource('watched-resource', 'test://watched-resource', plain, (uri) => ({ contents: [{ uri: uri.href, ...plain, text: 'Watched resource content' }] }));
  server.registerResource('template', new ResourceTemplate('test://template/{id}/data', { list: undefined }), { mimeType: 'application/json' }, (uri, { id }) => ({
    contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }],
  }));
  server.server.setRequestHandler('resources/subscribe', () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', () => ({}));
}
