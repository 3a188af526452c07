type Json = unknown;
type Fields = Readonly<Record<string, Json>>;

export interface CloudFormationTemplate {
  readonly Parameters: Readonly<Record<string, { readonly Default?: string; readonly AllowedPattern?: string }>>;
  readonly Rules: Readonly<Record<string, { readonly RuleCondition: Json; readonly Assertions: readonly Fields[] }>>;
  readonly Conditions: Fields;
  readonly Resources: Readonly<
    Record<string, { readonly Type: string; readonly Condition?: string; readonly Properties: Fields }>
  >;
  readonly Outputs: Readonly<Record<string, { readonly Condition?: string; readonly Value: Json }>>;
}

/** A resource that CloudFormation would create. */
export interface Resource {
  readonly type: string;
  readonly properties: Fields;
}

export interface Stack {
  readonly resources: Readonly<Record<string, Resource>>;
  readonly outputs: Fields;
  /** The assertions of the template's rules that do not hold. */
  readonly violations: readonly string[];
}

/** Stands for `AWS::NoValue` until it is left out. */
const nothing = Symbol('AWS::NoValue');

/**
 * Works out what CloudFormation would create: the part of it that the template uses.
 *
 * @param pseudo `AWS::Partition` and so on
 * @param attribute gives what `Ref` (without a name) and `Fn::GetAtt` of a resource are
 * @throws Error for a reference that leads nowhere, and for a missing parameter
 */
export function resolveCloudFormation(
  template: CloudFormationTemplate,
  given: Readonly<Record<string, string>>,
  pseudo: Readonly<Record<string, string>>,
  attribute: (resource: Resource, name?: string) => string,
): Stack {
  const parameters = Object.fromEntries(
    Object.entries(template.Parameters).map(([name, { Default }]) => [name, given[name] ?? Default]),
  );
  for (const name of Object.keys(given)) {
    if (!(name in parameters)) throw new Error(`there is no parameter ${name}`);
  }

  const holds = (condition: Json): boolean => {
    const [kind = '', operands] = Object.entries(condition as Fields)[0] ?? [];
    const list = operands as readonly Json[];
    switch (kind) {
      case 'Condition': {
        const named = template.Conditions[operands as string];
        if (named === undefined) throw new Error(`there is no condition ${String(operands)}`);
        return holds(named);
      }
      case 'Fn::Equals':
        return resolve(list[0]) === resolve(list[1]);
      case 'Fn::Not':
        return !holds(list[0]);
      case 'Fn::And':
        return list.every(holds);
      default:
        throw new Error(`unknown condition ${kind}`);
    }
  };
  const isActive = ({ Condition }: { readonly Condition?: string }): boolean =>
    Condition === undefined || holds({ Condition });

  const resourceOf = (name: string): Resource => {
    const resource = template.Resources[name];
    if (resource === undefined) throw new Error(`there is no resource ${name}`);
    if (!isActive(resource)) throw new Error(`the resource ${name} is not created`);
    return { type: resource.Type, properties: resolve(resource.Properties) as Fields };
  };
  const refer = (name: string): string | symbol => {
    if (name === 'AWS::NoValue') return nothing;
    if (name in template.Parameters) {
      const value = parameters[name];
      if (value === undefined) throw new Error(`the parameter ${name} is missing`);
      return value;
    }
    return pseudo[name] ?? attribute(resourceOf(name));
  };
  const resolve = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(resolve).filter((each) => each !== nothing);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [kind = '', operand] = entries[0] ?? [];
    if (entries.length === 1 && (kind === 'Ref' || kind.startsWith('Fn::'))) {
      if (kind === 'Ref') return refer(operand as string);
      if (kind === 'Fn::Sub') {
        return (operand as string).replaceAll(/\$\{([\w:]+)\}/g, (_, name: string) => String(refer(name)));
      }
      if (kind === 'Fn::If') {
        const [condition, yes, no] = operand as readonly [string, Json, Json];
        return resolve(holds({ Condition: condition }) ? yes : no);
      }
      if (kind === 'Fn::GetAtt') {
        const [name, field] = operand as readonly [string, string];
        return attribute(resourceOf(name), field);
      }
      throw new Error(`unknown function ${kind}`);
    }
    return Object.fromEntries(
      entries.map(([name, each]) => [name, resolve(each)] as const).filter(([, each]) => each !== nothing),
    );
  };

  return {
    resources: Object.fromEntries(
      Object.entries(template.Resources)
        .filter(([, resource]) => isActive(resource))
        .map(([name]) => [name, resourceOf(name)]),
    ),
    outputs: Object.fromEntries(
      Object.entries(template.Outputs)
        .filter(([, output]) => isActive(output))
        .map(([name, { Value }]) => [name, resolve(Value)]),
    ),
    violations: Object.values(template.Rules)
      .filter(({ RuleCondition }) => holds(RuleCondition))
      .flatMap(({ Assertions }) => Assertions)
      .filter(({ Assert }) => !holds(Assert))
      .map(({ AssertDescription }) => String(AssertDescription)),
  };
}
