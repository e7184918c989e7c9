use schema::LogType;

use crate::baselines::append_value;
use crate::corpus::Event;

#[test]
fn a_baseline_line_has_standard_fields_and_no_nulls() {
    let event = Event {
        log_type: LogType::Exchange,
        raw: r#"{"b":{"x":null,"y":[{"z":null},1.50]},"a":null,"c":"é"}"#.to_owned(),
    };
    let mut line = Vec::new();
    append_value(&event, &mut line).unwrap();
    assert_eq!(
        String::from_utf8(line).unwrap(),
        "{\"b\":{\"y\":[{},1.5]},\"c\":\"é\",\"p_event_time\":\"2026-11-22 09:00:00.000000000\",\
         \"p_log_type\":\"Microsoft365.Audit.Exchange\",\"p_parse_time\":\"2026-11-22 09:00:00.000000000\",\
         \"p_row_id\":\"00079b945d659b69f09c6b201d287db9\",\"p_schema_version\":0,\"p_source_id\":\"acme\",\
         \"p_source_label\":\"Acme\"}\n"
    );
}
