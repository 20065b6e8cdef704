//! OpenAPI 3.1 out of the table of calls and the schemas of their bodies.

use std::sync::OnceLock;

use rialto_protocol::ErrorCode;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::problem::ProblemBody;
use super::routes::{Credentials, ENDPOINTS, Endpoint, SchemaOf};

/// The document, made once.
pub(super) fn document() -> &'static str {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    DOCUMENT.get_or_init(|| build().to_string())
}

fn build() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<ProblemBody<'_>>();
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in ENDPOINTS {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method.as_str().to_ascii_lowercase()] = operation(endpoint, &mut generator);
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Rialto",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The HTTP API. Times are milliseconds since 1970, ids are UUIDs, offsets are integers below 2^53.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": super::auth::REFRESH_COOKIE},
            },
            "responses": {
                "Problem": {
                    "description": "It failed; `code` says why.",
                    "content": {super::problem::PROBLEM_JSON: {"schema": problem}},
                },
            },
        },
        "x-codes": ErrorCode::ALL.iter().filter(|code| code.number() >= 400).map(|code| json!({
            "code": code.word(), "status": code.status(), "temporary": code.temporary(),
        })).collect::<Vec<_>>(),
    })
}

fn operation(endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let mut parameters: Vec<Value> = path_parameters(endpoint.path)
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": if name == "offset" { "integer" } else { "string" }}}))
        .collect();
    parameters.extend(endpoint.query.iter().map(|parameter| {
        json!({"name": parameter.name, "in": "query", "required": parameter.required, "description": parameter.about,
            "schema": {"type": parameter.kind}})
    }));
    if endpoint.credentials != Credentials::Cookie && endpoint.body.is_some() {
        parameters.push(json!({"name": "Idempotency-Key", "in": "header", "required": false,
            "description": "1 to 64 visible ASCII characters: the same request again is not done twice.", "schema": {"type": "string"}}));
    }
    let mut responses: Map<String, Value> = Map::new();
    for success in endpoint.successes {
        let mut response = json!({"description": success.about});
        if let Some(body) = success.body {
            response["content"] = json_content(body, generator);
        }
        responses.insert(success.status.to_string(), response);
    }
    responses.insert("default".into(), json!({"$ref": "#/components/responses/Problem"}));
    let tag = endpoint.path.trim_start_matches("/v1").trim_start_matches('/').split('/').next().unwrap_or_default();
    let mut operation = json!({
        "operationId": endpoint.name,
        "summary": endpoint.about,
        "tags": [if tag.is_empty() { "web" } else { tag }],
        "parameters": parameters,
        "responses": responses,
        "security": match endpoint.credentials {
            Credentials::Nothing => json!([]),
            Credentials::Token | Credentials::Operator => json!([{"token": []}]),
            Credentials::Cookie => json!([{"cookie": []}]),
        },
    });
    if let Some(body) = endpoint.body {
        operation["requestBody"] = json!({"content": json_content(body, generator), "required": endpoint.method != "DELETE"});
    }
    operation
}

fn json_content(body: SchemaOf, generator: &mut SchemaGenerator) -> Value {
    json!({"application/json": {"schema": body(generator)}})
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}
