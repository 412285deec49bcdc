//! Markdown of playbooks as HTML that is safe to show: whatever is HTML in it is shown as text.

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, html};

/// Makes HTML of Markdown. HTML in it becomes text, and links lead to the web or within the page.
pub(super) fn render(text: &str) -> String {
    let events = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).map(harmless);
    let mut out = String::with_capacity(text.len() * 2);
    html::push_html(&mut out, events);
    out
}

fn harmless(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let dest_url = if leads_to_the_web(link_type, &dest_url) { dest_url } else { CowStr::from("#") };
            Event::Start(Tag::Link { link_type, dest_url, title, id })
        }
        // The page shows no pictures of elsewhere.
        Event::Start(Tag::Image { link_type, title, id, .. }) => {
            Event::Start(Tag::Image { link_type, dest_url: CowStr::from(""), title, id })
        }
        event => event,
    }
}

fn leads_to_the_web(link: LinkType, target: &str) -> bool {
    let target = target.to_ascii_lowercase();
    link != LinkType::Email
        && (target.starts_with("https://") || target.starts_with("http://") || target.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_html_and_html_becomes_text() {
        for (text, expected) in [
            ("A **deduplicator**, `raw`", "<p>A <strong>deduplicator</strong>, <code>raw</code></p>\n"),
            ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
            ("a <b onclick=x>b</b>", "<p>a &lt;b onclick=x&gt;b&lt;/b&gt;</p>\n"),
            ("[x](javascript:alert(1))", "<p><a href=\"#\">x</a></p>\n"),
            ("[x](https://example.org/)", "<p><a href=\"https://example.org/\">x</a></p>\n"),
            ("![x](https://example.org/x.png)", "<p><img src=\"\" alt=\"x\" /></p>\n"),
            ("    a < b", "<pre><code>a &lt; b</code></pre>\n"),
        ] {
            assert_eq!(render(text), expected, "{text}");
        }
    }
}
