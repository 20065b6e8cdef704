//! The web app: files embedded at build time, compressed once when first asked for.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::OnceLock;

use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG, HeaderMap, IF_NONE_MATCH, VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rialto_protocol::{ErrorCode, Refusal};
use rust_embed::Embed;

use super::edge::POLICY;
use super::problem::Problem;

/// The built web app. Where it was not built there are no files, and `/` says so.
#[derive(Embed)]
#[folder = "../clients/web/dist"]
#[allow_missing = true]
struct Dist;

/// What a name with a hash in it promises: these bytes for ever.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Ask each time; the entity tag makes it cheap.
const REVALIDATE: &str = "no-cache";
/// Hexadecimal digits of the hash in a name.
const NAME_HASH_DIGITS: usize = 12;

struct Asset {
    bytes: Bytes,
    gzip: OnceLock<Option<Bytes>>,
    etag: String,
    content_type: &'static str,
    cache_control: &'static str,
}

fn assets() -> &'static HashMap<String, Asset> {
    static ASSETS: OnceLock<HashMap<String, Asset>> = OnceLock::new();
    ASSETS.get_or_init(|| Dist::iter().filter_map(|name| Some((name.to_string(), asset(&name)?))).collect())
}

fn asset(name: &str) -> Option<Asset> {
    let file = Dist::get(name)?;
    let mut etag = String::from("\"");
    for byte in &file.metadata.sha256_hash()[..12] {
        write!(etag, "{byte:02x}").expect("writing to a text cannot fail");
    }
    etag.push('"');
    let bytes = match file.data {
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
    };
    let cache_control = if is_hashed(name) { IMMUTABLE } else { REVALIDATE };
    Some(Asset { bytes, gzip: OnceLock::new(), etag, content_type: content_type(name), cache_control })
}

/// `app-0123456789ab.js`
fn is_hashed(name: &str) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let hash = stem.rsplit_once('-').map_or("", |(_, hash)| hash);
    hash.len() == NAME_HASH_DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// `/`
pub(super) async fn index(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let missing = || Refusal::because(ErrorCode::NotFound, "this build has no web app; the API is described at /docs").into();
    assets().get("index.html").map(|asset| serve(asset, request.headers())).ok_or_else(missing)
}

/// `/admin`
pub(super) async fn console(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let missing = || Refusal::because(ErrorCode::NotFound, "this build has no console").into();
    assets().get("console.html").map(|asset| serve(asset, request.headers())).ok_or_else(missing)
}

/// Every path that is no call: a file of the web app, else nothing.
pub(super) async fn fallback(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let found = assets().get(request.path().trim_start_matches('/'));
    match found {
        None => Err(Refusal::because(ErrorCode::NotFound, "there is nothing at this path").into()),
        Some(_) if !matches!(*request.method(), Method::GET | Method::HEAD) => Err(Problem::method_not_allowed("GET, HEAD".into())),
        Some(asset) => Ok(serve(asset, request.headers())),
    }
}

fn serve(asset: &'static Asset, headers: &HeaderMap) -> HttpResponse {
    if header_has(headers, IF_NONE_MATCH.as_str(), &asset.etag) {
        return with_headers(HttpResponse::build(StatusCode::NOT_MODIFIED), asset).finish();
    }
    let gzip =
        header_has(headers, ACCEPT_ENCODING.as_str(), "gzip").then(|| asset.gzip.get_or_init(|| compress(asset))).and_then(Option::as_ref);
    let mut response = with_headers(HttpResponse::Ok(), asset);
    response.content_type(asset.content_type);
    match gzip {
        Some(gzip) => response.insert_header((CONTENT_ENCODING, "gzip")).body(gzip.clone()),
        // Said out loud, so that it is not compressed again on each request.
        None => response.insert_header((CONTENT_ENCODING, "identity")).body(asset.bytes.clone()),
    }
}

fn with_headers(mut response: HttpResponseBuilder, asset: &'static Asset) -> HttpResponseBuilder {
    response
        .insert_header((ETAG, asset.etag.as_str()))
        .insert_header((CACHE_CONTROL, asset.cache_control))
        .insert_header((VARY, "Accept-Encoding"))
        // On each file and on "not modified" too: a worker's script is ruled by its own header, and a browser takes the headers
        // of a 304 over into the page that it kept.
        .insert_header((CONTENT_SECURITY_POLICY, POLICY));
    response
}

/// Compressed bytes, unless they are more.
fn compress(asset: &Asset) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&asset.bytes).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < asset.bytes.len()).then(|| compressed.into())
}

/// Whether a list header names a value; `;q=0` and weak tags are looked through.
fn header_has(headers: &HeaderMap, name: &str, wanted: &str) -> bool {
    headers.get_all(name).flat_map(|value| value.to_str().unwrap_or_default().split(',')).any(|entry| {
        let (value, weight) = entry.split_once(';').unwrap_or((entry, ""));
        value.trim().trim_start_matches("W/") == wanted && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_how_long_to_keep() {
        assert!(is_hashed("app-0123456789ab.js"));
        for name in ["index.html", "sw.js", "app-012345.js", "manifest.webmanifest", "icon-without-hash.svg"] {
            assert!(!is_hashed(name), "{name}");
        }
    }

    #[test]
    fn the_compressed_form_is_the_same_bytes() {
        use std::io::Read as _;
        let text = "rialto ".repeat(1000);
        let asset = Asset {
            bytes: text.clone().into(),
            gzip: OnceLock::new(),
            etag: "\"x\"".into(),
            content_type: "text/plain",
            cache_control: REVALIDATE,
        };
        let packed = compress(&asset).unwrap();
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);
        assert!(compress(&Asset { bytes: Bytes::from_static(b"x"), ..asset }).is_none());
    }
}
