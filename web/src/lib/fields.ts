// The arguments of a tool, read from its input schema, as far as a form and a rule need them.

export interface Field {
  name: string;
  /** The path a rule reads it by. */
  path: string;
  type: string | undefined;
  required: boolean;
  description: string;
  choices: unknown[];
}

interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  required?: string[];
  description?: string;
  enum?: unknown[];
  const?: unknown;
  inputSchema?: Schema;
}

const plain = /^[^.[\]"*\\\s]+$/;

/** A path with one more name; odd names stand in brackets. */
const below = (path: string, name: string): string =>
  plain.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;

const typeOf = (schema: Schema): string | undefined => {
  const { type } = schema;
  if (typeof type === 'string') return type;
  return Array.isArray(type) ? type.find((name) => name !== 'null') : undefined;
};

const DEPTH_MAX = 4;

/** The fields of a tool's definition, outer ones before the ones inside them. */
export function fieldsOf(definition: unknown): Field[] {
  const schema = (definition as Schema | null)?.inputSchema;
  return schema ? inside(schema, 'args', '', 0) : [];
}

function inside(schema: Schema, path: string, prefix: string, depth: number): Field[] {
  if (depth >= DEPTH_MAX || typeof schema.properties !== 'object') return [];
  return Object.entries(schema.properties).flatMap(([name, value]) => {
    if (typeof value !== 'object' || value === null) return [];
    const field: Field = {
      name: prefix + name,
      path: below(path, name),
      type: typeOf(value),
      required: Array.isArray(schema.required) && schema.required.includes(name),
      description: typeof value.description === 'string' ? value.description : '',
      choices: Array.isArray(value.enum)
        ? value.enum
        : value.const !== undefined
          ? [value.const]
          : [],
    };
    const rest =
      field.type === 'array' && value.items
        ? [
            {
              ...field,
              name: `${field.name}[*]`,
              path: `${field.path}[*]`,
              type: typeOf(value.items),
              required: false,
              choices: Array.isArray(value.items.enum) ? value.items.enum : [],
            },
            ...inside(value.items, `${field.path}[*]`, `${field.name}[*].`, depth + 1),
          ]
        : inside(value, field.path, `${field.name}.`, depth + 1);
    return [field, ...rest];
  });
}
