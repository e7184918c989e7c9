use crate::table::{align_columns, row};

#[test]
fn columns_line_up() {
    let rows = [row(["", "MB/s", "ok"]), row(["é", "1", "yes"]), row(["long", "100"])];
    assert_eq!(align_columns(&rows), "      MB/s   ok\né        1  yes\nlong   100\n");
}
