use protocol::InventoryPage;

/// Slices in one answer, and the bytes of their JSON, at which it gets no more: with one more row of slices it is still far
/// below the longest message.
const PAGE_SLICES: usize = 1_000;
const PAGE_BYTES: usize = 1 << 20;

/// Fills in the slices behind `page.after`. `read` gives the next rows behind a position, in their order: the position of a
/// row's last slice, and its slices as JSON; nothing when there are no more.
///
/// # Errors
/// Those of `read`, and when a row is no list of slices.
pub fn fill_page<E: From<serde_json::Error>>(
    page: &mut InventoryPage,
    mut read: impl FnMut(u64) -> Result<Vec<(u64, String)>, E>,
) -> Result<(), E> {
    let (mut after, mut bytes) = (page.after, 0_usize);
    loop {
        let rows = read(after)?;
        if rows.is_empty() {
            return Ok(());
        }
        for (last, slices) in rows {
            bytes = bytes.saturating_add(slices.len());
            page.slices.extend(serde_json::from_slice::<Vec<_>>(slices.as_bytes())?);
            after = last;
            if page.slices.len() >= PAGE_SLICES || bytes >= PAGE_BYTES {
                page.next = last;
                return Ok(());
            }
        }
    }
}
