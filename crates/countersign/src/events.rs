//! Reads server-sent events from pieces of a stream.

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its id, if it has one.
    pub(crate) id: Option<String>,
    /// Its data, lines joined.
    pub(crate) data: String,
}

/// A stream of events while it is being read.
#[derive(Debug, Default)]
pub(crate) struct Events {
    rest: Vec<u8>,
    event: Event,
}

impl Events {
    /// Takes the next piece and gives the events that are whole now. Comments are skipped.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Vec<Event> {
        self.rest.extend_from_slice(piece);
        let mut whole = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                let event = std::mem::take(&mut self.event);
                if !event.data.is_empty() {
                    whole.push(event);
                }
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => self.event.id = Some(value.to_owned()),
                "data" => {
                    if !self.event.data.is_empty() {
                        self.event.data.push('\n');
                    }
                    self.event.data.push_str(value);
                }
                _ => {}
            }
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_the_stream_is_cut() {
        let stream = b": hello\n\nid: 7\nevent: call\ndata: {\"a\":\ndata: 1}\n\ndata: x\r\n\r\n";
        let expected = [
            Event { id: Some("7".to_owned()), data: "{\"a\":\n1}".to_owned() },
            Event { id: None, data: "x".to_owned() },
        ];
        for size in [1, 3, 7, stream.len()] {
            let mut events = Events::default();
            let read: Vec<Event> =
                stream.chunks(size).flat_map(|piece| events.feed(piece)).collect();
            assert_eq!(read, expected, "pieces of {size}");
        }
    }
}
