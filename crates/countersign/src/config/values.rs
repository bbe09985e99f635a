//! Reads single values: durations, sizes, addresses. Each says in words what it takes.

use std::net::SocketAddr;
use std::time::Duration;

/// A value as it was given, before anyone knows what it is for.
#[derive(Debug)]
pub(crate) enum Given {
    /// A string of the file, or the whole of an environment variable.
    Text(String),
    /// A whole number of the file.
    Whole(i64),
    /// A list of strings of the file.
    List(Vec<String>),
    /// Yes or no, of the file.
    Switch(bool),
    /// Something no setting takes.
    Other,
}

impl Given {
    /// A text.
    pub(crate) fn text(self, takes: &str) -> Result<String, String> {
        match self {
            Self::Text(text) if !text.is_empty() => Ok(text),
            _ => Err(format!("takes {takes}")),
        }
    }

    /// A whole number, also as text: the environment knows nothing else.
    pub(crate) fn whole(self, from: i64, to: i64) -> Result<i64, String> {
        let number = match self {
            Self::Whole(number) => Some(number),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        };
        number
            .filter(|number| (from..=to).contains(number))
            .ok_or_else(|| format!("takes a whole number from {from} to {to}"))
    }

    /// Yes or no, also as text.
    pub(crate) fn switch(self) -> Result<bool, String> {
        match self {
            Self::Switch(on) => Ok(on),
            Self::Text(text) if text == "true" => Ok(true),
            Self::Text(text) if text == "false" => Ok(false),
            _ => Err("takes true or false".to_owned()),
        }
    }

    /// A list of texts, also as one text with commas.
    pub(crate) fn list(self, takes: &str) -> Result<Vec<String>, String> {
        match self {
            Self::List(list) => Ok(list),
            Self::Text(text) => Ok(text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect()),
            _ => Err(format!("takes a list of {takes}")),
        }
    }

    /// A program and its arguments: a list, or one text with blank space between the words.
    pub(crate) fn command(self) -> Result<Vec<String>, String> {
        let words = match self {
            Self::List(words) => words,
            Self::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        if words.first().is_none_or(String::is_empty) {
            return Err("takes a program and its arguments as a list of texts".to_owned());
        }
        Ok(words)
    }

    /// An address and a port.
    pub(crate) fn address(self) -> Result<SocketAddr, String> {
        let takes = "an address and a port, such as \"127.0.0.1:7071\"";
        self.text(takes)?.parse().map_err(|_| format!("takes {takes}"))
    }

    /// A length of time above zero, up to a day.
    pub(crate) fn duration(self) -> Result<Duration, String> {
        let takes = "a length of time up to a day, such as \"500ms\", \"10s\", \"2m\" or \"1h\"";
        let text = self.text(takes)?;
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => 0,
        };
        number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(millis))
            .filter(|millis| (1..=86_400_000).contains(millis))
            .map(Duration::from_millis)
            .ok_or_else(|| format!("takes {takes}"))
    }

    /// A number of days, up to a hundred years.
    pub(crate) fn days(self) -> Result<Duration, String> {
        let takes = "a number of days, such as \"400d\"";
        let text = self.text(takes)?;
        let days = text.strip_suffix('d').and_then(|number| number.parse::<u64>().ok());
        days.filter(|days| (1..=36_500).contains(days))
            .map(|days| Duration::from_secs(days * 86_400))
            .ok_or_else(|| format!("takes {takes}"))
    }

    /// The address of this instance as others see it: a scheme, a host, maybe a port.
    pub(crate) fn base_url(self) -> Result<String, String> {
        let takes = "an address such as \"https://mcp.example.com\", without a path";
        let text = self.text(takes)?;
        origin(&text).ok_or_else(|| format!("takes {takes}"))
    }

    /// Host names or addresses, without ports.
    pub(crate) fn hosts(self) -> Result<Vec<String>, String> {
        let takes = "host names without ports, such as \"mcp.example.com\"";
        let hosts = self.list(takes)?;
        if hosts.iter().all(|host| is_host(host)) {
            return Ok(hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect());
        }
        Err(format!("takes a list of {takes}"))
    }

    /// Addresses and networks.
    pub(crate) fn networks(self) -> Result<Vec<String>, String> {
        let takes = "addresses or networks, such as \"10.0.0.0/8\"";
        let networks = self.list(takes)?;
        if networks.iter().all(|text| text.parse::<control::Network>().is_ok()) {
            return Ok(networks);
        }
        Err(format!("takes a list of {takes}"))
    }

    /// Origins of browsers.
    pub(crate) fn origins(self) -> Result<Vec<String>, String> {
        let takes = "origins, such as \"https://app.example.com\"";
        self.list(takes)?
            .iter()
            .map(|text| origin(text).ok_or_else(|| format!("takes a list of {takes}")))
            .collect()
    }
}

/// The origin a URL is, if it is nothing more than that.
fn origin(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let bare = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    bare.then(|| url.origin().ascii_serialization())
}

fn is_host(text: &str) -> bool {
    let parsed = url::Host::parse(text)
        .or_else(|_| url::Host::parse(&format!("[{}]", text.trim_matches(['[', ']']))));
    parsed.is_ok()
}

/// A number of days.
pub(crate) fn print_days(duration: Duration) -> String {
    format!("{}d", duration.as_secs() / 86_400)
}

/// A length of time in the largest unit that holds it exactly.
pub(crate) fn print_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if millis >= size && millis.is_multiple_of(size) {
            return format!("{}{unit}", millis / size);
        }
    }
    format!("{millis}ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Given {
        Given::Text(value.to_owned())
    }

    #[test]
    fn a_length_of_time_reads_back_as_it_is_printed() {
        for (given, printed) in
            [("500ms", "500ms"), ("1000ms", "1s"), ("90s", "90s"), ("120s", "2m"), ("24h", "24h")]
        {
            assert_eq!(text(given).duration().map(print_duration), Ok(printed.to_owned()));
        }
        for bad in ["", "0s", "10", "s", "-1s", "1.5s", "25h", "1d", "99999999999999999999h", "1 s"]
        {
            assert!(text(bad).duration().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_of_this_instance_is_an_origin_and_nothing_more() {
        assert_eq!(text("https://a.example").base_url(), Ok("https://a.example".to_owned()));
        assert_eq!(text("https://a.example:443/").base_url(), Ok("https://a.example".to_owned()));
        for bad in
            ["a.example", "ftp://a", "https://a/mcp", "https://u:p@a", "https://a?x", "https://a#x"]
        {
            assert!(text(bad).base_url().is_err(), "{bad}");
        }
    }

    #[test]
    fn hosts_come_as_a_list_or_with_commas_and_without_ports() {
        assert_eq!(
            text("A.example, b, [::1]").hosts(),
            Ok(["a.example", "b", "[::1]"].map(str::to_owned).to_vec())
        );
        assert!(text("a:80").hosts().is_err());
        assert!(text("https://a").hosts().is_err());
        assert!(Given::Whole(1).hosts().is_err());
    }
}
