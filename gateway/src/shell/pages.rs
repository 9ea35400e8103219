//! The pages: built by `make web`, embedded in the binary.

/// Path and content of each embedded file.
static PAGES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// What is served where the pages have not been built.
const HOW_TO_BUILD: &[u8] = b"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Vendue</title>\
    <meta name=\"viewport\" content=\"width=device-width\"><h1>Vendue is running</h1>\
    <p>This build does not contain the pages. Build them with <code>make web</code> (needs Node), then build again.</p>\
    <p>The API works without them: <code>GET /ws</code>, <code>POST /v1/...</code>, <a href=\"/readyz\">/readyz</a>, \
    <a href=\"/metrics\">/metrics</a>.</p></html>";

/// A file as it is served.
pub(super) struct Page {
    pub(super) body: &'static [u8],
    pub(super) content_type: &'static str,
    /// Files whose name holds a hash of their content never change.
    pub(super) is_immutable: bool,
}

/// The file for a path. Only what is embedded can be found, so no path leads anywhere else; a path without a file name
/// is an application's own and gets its first page: the operators' at `/ops` and below, else the bidders'.
pub(super) fn find(path: &str) -> Option<Page> {
    if PAGES.is_empty() {
        return matches!(path, "/" | "/index.html" | "/ops" | "/ops.html").then_some(Page {
            body: HOW_TO_BUILD,
            content_type: "text/html; charset=utf-8",
            is_immutable: false,
        });
    }
    let is_route = !path.rsplit('/').next().unwrap_or_default().contains('.');
    let is_ops = path == "/ops" || path.starts_with("/ops/");
    let wanted = match (is_route, is_ops) {
        (false, _) => path,
        (true, true) => "/ops.html",
        (true, false) => "/index.html",
    };
    let (name, body) = PAGES.iter().find(|(name, _)| *name == wanted)?;
    Some(Page { body, content_type: content_type(name), is_immutable: name.starts_with("/assets/") })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_embedded_is_found() {
        for path in ["/", "/ops"] {
            assert!(find(path).is_some(), "{path}");
        }
        let title = |path: &str| {
            let page = find(path).map_or(&b""[..], |page| page.body);
            String::from_utf8_lossy(page)
                .split_once("<title>")
                .map(|(_, rest)| rest.chars().take(8).collect())
        };
        let (bidders, operators): (Option<String>, Option<String>) = (title("/lots"), title("/ops/lots"));
        assert_eq!(bidders, title("/opsomania"), "only a whole part of the path counts");
        assert!(PAGES.is_empty() || bidders != operators, "{bidders:?} {operators:?}");
        for path in ["/../Cargo.toml", "/assets/../../Cargo.toml", "/etc/passwd.txt", "/%2e%2e/x.y", "//x.js"]
        {
            assert!(find(path).is_none(), "{path}");
        }
        assert_eq!(content_type("/a.b/x.js"), "text/javascript; charset=utf-8");
        assert_eq!(content_type("/x"), "application/octet-stream");
    }
}
