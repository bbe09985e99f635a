//! What every field and operator means, in one sentence each. Both the reference and the schema read it
//! from here.

use crate::program::Op;

/// One key of an object.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) required: bool,
    pub(super) value: &'static str,
    pub(super) meaning: &'static str,
}

/// One object of the document.
pub(super) struct Section {
    pub(super) title: &'static str,
    /// Its name among the definitions of the schema; empty for the document.
    pub(super) schema: &'static str,
    pub(super) intro: &'static str,
    pub(super) fields: &'static [Field],
}

/// One operator.
pub(super) struct Operator {
    pub(super) op: Op,
    pub(super) holds: &'static str,
    pub(super) judges: &'static str,
    pub(super) value: &'static str,
    /// Whether the value may be another path.
    pub(super) other_path: bool,
}

const fn must(name: &'static str, value: &'static str, meaning: &'static str) -> Field {
    Field { name, required: true, value, meaning }
}

const fn may(name: &'static str, value: &'static str, meaning: &'static str) -> Field {
    Field { name, required: false, value, meaning }
}

pub(super) const SECTIONS: [Section; 8] = [
    Section {
        title: "The document",
        schema: "",
        intro: "One JSON object. A key that is not listed here is an error at every level, and so is a \
                key that stands twice; all errors are reported at once, each with its JSON Pointer, \
                line and column.",
        fields: &[
            must("version", "`\"1\"`", "The version of the language."),
            must(
                "default",
                "`\"deny\"` or `\"allow\"`",
                "The answer for a tool that no key of `tools` covers.",
            ),
            may("description", "string", "Text for people."),
            may(
                "timezone",
                "IANA name, `\"UTC\"` if absent",
                "The clock of calendar windows and of `request.*`.",
            ),
            may(
                "hide",
                "list of names, `*` for any run of characters",
                "Tools that are gone from `tools/list` and answered as unknown when called.",
            ),
            may(
                "hide_denied",
                "boolean, `false` if absent",
                "Hide what no call could get through too: tools denied by default, or by a rule that \
                 always denies.",
            ),
            may(
                "all_tools",
                "a tool's object without `unlisted_args`",
                "Rules for every tool that is not hidden and not denied by default.",
            ),
            may(
                "tools",
                "object: name to a tool's object",
                "Rules by tool name; `{}` allows the tool. A key may hold `*`. An exact key wins \
                 alone; otherwise every matching key applies, and their rules add up.",
            ),
            may("resources", "object", "Which resources may be listed and read, by URI."),
            may("prompts", "object", "Which prompts may be listed and fetched, by name."),
            may("client_requests", "object", "Which requests an upstream may make of the agent."),
        ],
    },
    Section {
        title: "Tools",
        schema: "tool",
        intro: "What stands at a key of `tools`. `all_tools` takes the same but `unlisted_args`.",
        fields: &[
            may("require", "list of predicates", "Each must be true, or the call is denied."),
            may("deny_if", "list of predicates", "Each must be false, or the call is denied."),
            may(
                "approve_if",
                "list of predicates",
                "Each that is not false holds the call until people approve it.",
            ),
            may("limits", "list of limits", "How often, and for how much."),
            may(
                "unlisted_args",
                "`\"deny\"` (if absent) or `\"allow\"`",
                "Whether a call may have arguments that the tool's accepted definition does not list. \
                 Asked only where a rule reads `args`.",
            ),
        ],
    },
    Section {
        title: "Predicates of `require` and `deny_if`",
        schema: "predicate",
        intro: "Conditions that must all hold together.",
        fields: &[
            may(
                "id",
                "string of 1 to 128 characters",
                "The rule's name. Without it the conditions spell one, such as `args.amount-gt`.",
            ),
            must("conditions", "list of conditions", "ANDed; an empty list is always true."),
            may("on_deny", "string of up to 2000 characters", "What the agent is told."),
        ],
    },
    Section {
        title: "Predicates of `approve_if`",
        schema: "approval",
        intro: "Conditions under which a call waits for people. When several fire, all must be \
                satisfied.",
        fields: &[
            may("id", "string of 1 to 128 characters", "The rule's name, as above."),
            must("conditions", "list of conditions", "ANDed; an empty list is always true."),
            may(
                "approvers",
                "list of `role:admin`, `role:policy_manager`, `group:NAME`, `member:EMAIL`; \
                 `[\"role:admin\"]` if absent",
                "Who may approve. The person a grant belongs to never counts.",
            ),
            may("count", "whole number from 1 to 100, 1 if absent", "How many distinct people."),
            may(
                "expires_in",
                "length such as `\"30m\"`, at most `\"7d\"`, `\"1h\"` if absent",
                "How long the call waits.",
            ),
            may("message", "string of up to 2000 characters", "What the approver is told."),
        ],
    },
    Section {
        title: "Limits",
        schema: "limit",
        intro: "What a call uses is reserved before it leaves, all limits of the call together or \
                none. Amounts count in millionths, rounded up.",
        fields: &[
            must(
                "counter",
                "string of 1 to 128 characters",
                "The counter's name, unique in its list and part of the rule's name.",
            ),
            must(
                "window",
                "`\"minute\"`, `\"hour\"`, `\"day\"`, `\"week\"` (from Monday), `\"month\"`, or a length such \
                 as `\"90s\"` or `\"6h\"`",
                "What one window spans. A length of its own always rolls.",
            ),
            must(
                "max",
                "number from 0 to 9223372036854 with at most six decimals",
                "The most that any one window may hold.",
            ),
            may(
                "rolling",
                "boolean, `false` if absent",
                "`true`: no interval of that length ever holds more than `max` (a month counts as 31 \
                 days). `false`: calendar windows in the policy's time zone.",
            ),
            may(
                "amount",
                "path into `args`",
                "The number that the call uses; without it, 1 a call. Over `[*]`, the sum of every \
                 element.",
            ),
            may(
                "per",
                "list of up to 8 paths",
                "Their values split the counter: one budget for each combination.",
            ),
            may(
                "scope",
                "`\"grant\"` (if absent), `\"identity\"`, `\"policy\"`, `\"server\"`, `\"organisation\"`",
                "Whose usage is counted together.",
            ),
            may(
                "count_failed",
                "boolean, `false` if absent",
                "Whether a call that the tool itself answers with an error counts.",
            ),
            may(
                "on_unknown",
                "`\"keep\"` (if `amount` is there) or `\"roll_back\"` (if not)",
                "What a call whose outcome nobody knows does to this limit.",
            ),
            may(
                "on_deny",
                "string of up to 2000 characters",
                "What the agent is told when the limit cannot hold the call.",
            ),
        ],
    },
    Section {
        title: "Resources and prompts",
        schema: "section",
        intro: "`hide` goes before `deny`, `deny` before `allow`, `allow` before the default. An absent \
                section follows the policy's `default`.",
        fields: &[
            may(
                "default",
                "`\"allow\"` or `\"deny\"`; the policy's if absent",
                "The answer for what no list names.",
            ),
            may("allow", "list of names, `*` allowed", "What passes."),
            may("deny", "list of names, `*` allowed", "What is refused."),
            may("hide", "list of names, `*` allowed", "What is refused and left out of lists."),
        ],
    },
    Section {
        title: "Client requests",
        schema: "client_requests",
        intro: "An absent key follows the policy's `default`.",
        fields: &[
            may("sampling", "`\"allow\"` or `\"deny\"`", "An upstream asks the agent's model."),
            may("elicitation", "`\"allow\"` or `\"deny\"`", "An upstream asks the agent's user."),
            may("roots", "`\"allow\"` or `\"deny\"`", "An upstream asks for the agent's folders."),
        ],
    },
    Section {
        title: "Comparisons",
        schema: "comparison",
        intro: "The smallest condition: one place against a value.",
        fields: &[
            must("path", "path", "The place."),
            must("op", "operator", "How it is compared."),
            must("value", "depends on the operator", "What it is compared with."),
            may(
                "each",
                "`\"any\"` or `\"all\"`",
                "For a path with `[*]`: whether one element is enough. Without it, `any` under \
                 `deny_if` and `approve_if`, `all` under `require`.",
            ),
        ],
    },
];

pub(super) const CONDITION_GROUPS: [(&str, &str); 3] = [
    ("{ \"any\": [conditions] }", "true if one is; false if all are; otherwise indeterminate"),
    ("{ \"all\": [conditions] }", "false if one is; true if all are; otherwise indeterminate"),
    ("{ \"not\": condition }", "the opposite; indeterminate stays indeterminate"),
];

pub(super) const PATHS: [(&str, &str); 12] = [
    ("args.amount", "an argument of the call"),
    ("args.customer.email", "a member inside an argument"),
    ("args.items[0].sku", "an element of a list, counted from 0"),
    ("args.items[*].amount", "every element of a list"),
    ("args[\"odd.key\"]", "a name that holds `.`, `[`, `]`, `\"`, `*`, `\\` or blank space"),
    ("tool.name", "the tool's name"),
    ("grant.label", "the grant's label"),
    ("grant.identity", "the member or agent the grant belongs to"),
    ("grant.tags.KEY", "one of the grant's tags"),
    (
        "request.time",
        "\"HH:MM\" in the policy's time zone; an hour that daylight saving repeats stands there twice",
    ),
    ("request.weekday", "\"mon\" to \"sun\" in the policy's time zone"),
    ("request.date", "\"YYYY-MM-DD\" in the policy's time zone"),
];

const SCALARS: &str = "string, number, boolean";

const fn op(
    op: Op,
    holds: &'static str,
    judges: &'static str,
    value: &'static str,
    other_path: bool,
) -> Operator {
    Operator { op, holds, judges, value, other_path }
}

pub(super) const OPERATORS: [Operator; 20] = [
    op(
        Op::Eq,
        "same JSON type and equal; numbers by exact value (`1` = `1.0`, never `\"1\"`)",
        SCALARS,
        "scalar",
        true,
    ),
    op(Op::Neq, "not `eq`", SCALARS, "scalar", true),
    op(Op::In, "`eq` to one of the list", SCALARS, "list of scalars", true),
    op(Op::NotIn, "`eq` to none of the list", SCALARS, "list of scalars", true),
    op(
        Op::Lt,
        "less, by exact value or by the order of characters",
        "number with number, string with string",
        "number or string",
        true,
    ),
    op(
        Op::Lte,
        "less or equal",
        "number with number, string with string",
        "number or string",
        true,
    ),
    op(Op::Gt, "greater", "number with number, string with string", "number or string", true),
    op(
        Op::Gte,
        "greater or equal",
        "number with number, string with string",
        "number or string",
        true,
    ),
    op(Op::Matches, "the whole string matches", "string", "regular expression", false),
    op(Op::Regex, "some part of the string matches", "string", "regular expression", false),
    op(Op::StartsWith, "the string starts with it", "string", "string", true),
    op(Op::EndsWith, "the string ends with it", "string", "string", true),
    op(
        Op::Contains,
        "part of a string, or `eq` to an element of a list",
        "string, list",
        "scalar",
        true,
    ),
    op(Op::NotContains, "not `contains`", "string, list", "scalar", true),
    op(
        Op::Exists,
        "`true`: something other than `null` is there; `false`: it is not",
        "anything",
        "boolean",
        false,
    ),
    op(
        Op::LengthLt,
        "shorter: characters, elements or members",
        "string, list, object",
        "whole number",
        true,
    ),
    op(Op::LengthLte, "no longer", "string, list, object", "whole number", true),
    op(Op::LengthGt, "longer", "string, list, object", "whole number", true),
    op(Op::LengthGte, "no shorter", "string, list, object", "whole number", true),
    op(
        Op::Type,
        "the value is of this JSON type; an `integer` is a number written without fraction and exponent",
        "anything",
        "`string`, `number`, `integer`, `boolean`, `array`, `object` or `null`",
        false,
    ),
];
