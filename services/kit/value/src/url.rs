//! Web sites: the address people type, checked, and the domain that identifies the company.

use ::url::{Host, Url};

/// Longest address, in bytes.
const MAX_URL: usize = 2048;

/// A public web address with `http` or `https`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Website {
    url: String,
    host: String,
}

/// Why a text is not a web site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("is empty")]
    Empty,
    #[error("is longer than 2048 bytes")]
    TooLong,
    #[error("has blanks, backslashes or control characters")]
    InvalidCharacter,
    #[error("must start with http:// or https://")]
    UnsupportedScheme,
    #[error("must not carry a user name or password")]
    Credentials,
    #[error("has no valid host name")]
    InvalidHost,
    #[error("is not a valid web address")]
    Malformed,
}

impl UrlError {
    /// The machine-readable reason.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Empty => "URL_EMPTY",
            Self::TooLong => "URL_TOO_LONG",
            Self::InvalidCharacter => "URL_CHARACTER_INVALID",
            Self::UnsupportedScheme => "URL_SCHEME_UNSUPPORTED",
            Self::Credentials => "URL_CREDENTIALS",
            Self::InvalidHost => "URL_HOST_INVALID",
            Self::Malformed => "URL_MALFORMED",
        }
    }
}

impl Website {
    /// Reads an address; a bare domain such as `example.com/shop` gets `https://`. International domains become ASCII.
    ///
    /// This says nothing about where the host points: a caller that fetches the address guards against that itself.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(UrlError::Empty);
        }
        if text.len() > MAX_URL {
            return Err(UrlError::TooLong);
        }
        // The URL standard drops tabs and line ends and turns backslashes; an address with them is no address here.
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(UrlError::InvalidCharacter);
        }
        let url = Url::parse(&with_scheme(text)?).map_err(malformed)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        let host = public_host(&url).ok_or(UrlError::InvalidHost)?;
        Ok(Self { host, url: url.into() })
    }

    /// The whole address in its normal form.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The host in lower-case ASCII, or an IP address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host without `www.`: the key under which sites of one company meet.
    pub fn domain(&self) -> &str {
        match self.host.strip_prefix("www.") {
            Some(rest) if rest.contains('.') => rest,
            _ => &self.host,
        }
    }
}

/// The text with its scheme, which must be one of the web's.
fn with_scheme(text: &str) -> Result<String, UrlError> {
    if let Some((scheme, rest)) = text.split_once("://") {
        if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") {
            // The URL standard skips any further slashes and takes the path for the host.
            return if rest.starts_with('/') { Err(UrlError::InvalidHost) } else { Ok(text.to_owned()) };
        }
        if !scheme.contains(['/', '?', '#', '.']) {
            return Err(UrlError::UnsupportedScheme);
        }
    }
    let authority = text.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err(UrlError::InvalidHost);
    }
    match authority.split_once(':') {
        Some((_, port)) if port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) => {
            Err(UrlError::UnsupportedScheme)
        }
        _ if authority.contains('@') => Err(UrlError::Credentials),
        _ => Ok(format!("https://{text}")),
    }
}

fn malformed(error: ::url::ParseError) -> UrlError {
    use ::url::ParseError as P;
    match error {
        P::EmptyHost
        | P::IdnaError
        | P::InvalidDomainCharacter
        | P::InvalidIpv4Address
        | P::InvalidIpv6Address => UrlError::InvalidHost,
        _ => UrlError::Malformed,
    }
}

/// A host with a dot between well-formed labels, or an IP address.
fn public_host(url: &Url) -> Option<String> {
    match url.host()? {
        Host::Domain(domain) => {
            let labels = domain.strip_suffix('.').unwrap_or(domain);
            let well_formed = labels.contains('.') && labels.len() <= 253 && labels.split('.').all(is_label);
            well_formed.then(|| labels.to_owned())
        }
        address => Some(address.to_string()),
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared_data;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_completed_and_give_their_domain() {
        let table = [
            ("example.com", "https://example.com/", "example.com"),
            ("www.Example.com/shop?a=1#b", "https://www.example.com/shop?a=1#b", "example.com"),
            ("http://www.example.com", "http://www.example.com/", "example.com"),
            ("HTTPS://EXAMPLE.COM:443/", "https://example.com/", "example.com"),
            ("example.com:8080/x", "https://example.com:8080/x", "example.com"),
            (
                "https://例子.中国/路径",
                "https://xn--fsqu00a.xn--fiqs8s/%E8%B7%AF%E5%BE%84",
                "xn--fsqu00a.xn--fiqs8s",
            ),
            ("http://8.8.8.8/", "http://8.8.8.8/", "8.8.8.8"),
            ("http://[2001:db8::1]/", "http://[2001:db8::1]/", "[2001:db8::1]"),
            ("https://example.com./", "https://example.com./", "example.com"),
            ("example.com/?to=http://other.com", "https://example.com/?to=http://other.com", "example.com"),
            ("www.com", "https://www.com/", "www.com"),
        ];
        for (text, url, domain) in table {
            let site = Website::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((site.as_str(), site.domain()), (url, domain), "{text}");
        }
    }

    #[test]
    fn what_is_no_web_site_is_refused_with_its_reason() {
        let table = [
            ("", UrlError::Empty),
            ("javascript:alert(1)", UrlError::UnsupportedScheme),
            ("JaVaScRiPt://example.com/%0aalert(1)", UrlError::UnsupportedScheme),
            ("data:text/html,x", UrlError::UnsupportedScheme),
            ("mailto:a@example.com", UrlError::UnsupportedScheme),
            ("ftp://example.com", UrlError::UnsupportedScheme),
            ("file:///etc/passwd", UrlError::UnsupportedScheme),
            ("https://user:pass@example.com", UrlError::Credentials),
            ("https://example.com@evil.com", UrlError::Credentials),
            ("name@example.com", UrlError::Credentials),
            ("java\tscript:alert(1)", UrlError::InvalidCharacter),
            ("https://example.com\\@evil.com", UrlError::InvalidCharacter),
            ("https://", UrlError::InvalidHost),
            ("https:///evil.com", UrlError::InvalidHost),
            ("//example.com", UrlError::InvalidHost),
            ("localhost", UrlError::InvalidHost),
            ("https://exa mple.com", UrlError::InvalidCharacter),
            ("https://-a.com", UrlError::InvalidHost),
            ("https://example.com:99999", UrlError::Malformed),
            ("no site", UrlError::InvalidCharacter),
        ];
        for (text, error) in table {
            assert_eq!(Website::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn the_web_platform_cases_come_out_as_judged() {
        let Some(text) = shared_data::read("urls/urltestdata.json") else { return };
        let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        let (mut accepted, mut refused) = (0, 0);
        for case in cases.iter().filter(|case| case.is_object()) {
            let input = case["input"].as_str().unwrap_or_default();
            let Ok(site) = Website::parse(input) else {
                refused += 1;
                continue;
            };
            accepted += 1;
            let absolute = input.trim().get(..4).is_some_and(|start| start.eq_ignore_ascii_case("http"));
            if absolute {
                assert!(case["failure"].as_bool() != Some(true), "{input} must fail");
                assert_eq!(site.as_str(), case["href"].as_str().unwrap(), "{input}");
            }
        }
        println!("urltestdata: {accepted} accepted, {refused} refused");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "((https?|ftp|javascript)://?)?\\PC{0,40}") {
            if let Ok(site) = Website::parse(&text) {
                prop_assert_eq!(Website::parse(site.as_str()), Ok(site.clone()));
                prop_assert!(site.as_str().starts_with("http"));
            }
        }
    }
}
