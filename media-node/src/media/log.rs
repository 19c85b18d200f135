use std::ffi::{CStr, c_char, c_int, c_void};

use ffmpeg_next::ffi;
use ffmpeg_next::log::Level;

/// C's `va_list` as a parameter: on x86-64 it is an array, which decays to a pointer.
#[cfg(target_arch = "x86_64")]
type VaList = *mut ffi::__va_list_tag;
#[cfg(not(target_arch = "x86_64"))]
type VaList = ffi::va_list;

/// Longest line that is passed on, in bytes; the rest of a longer one is cut off.
const LINE_BYTES: usize = 1024;

pub(super) fn install() {
    ffmpeg_next::log::set_level(Level::Warning);
    // SAFETY: `forward` has the signature that FFmpeg asks for, is thread-safe, and lives as long as the process.
    unsafe { ffi::av_log_set_callback(Some(forward)) }
}

/// FFmpeg calls this from any thread.
unsafe extern "C" fn forward(context: *mut c_void, level: c_int, format: *const c_char, arguments: VaList) {
    if level > c_int::from(Level::Warning) {
        return;
    }
    let mut line = [0; LINE_BYTES];
    let mut print_prefix = 1;
    // SAFETY: context, format and arguments are FFmpeg's own, passed on as they came; at most `LINE_BYTES` bytes,
    // the closing zero included, are written into `line`.
    let written = unsafe {
        ffi::av_log_format_line2(
            context,
            level,
            format,
            arguments,
            line.as_mut_ptr(),
            LINE_BYTES as c_int,
            &raw mut print_prefix,
        )
    };
    if written < 0 {
        return;
    }
    // SAFETY: the call above ended the text with a zero inside `line`.
    let text = unsafe { CStr::from_ptr(line.as_ptr()) }.to_string_lossy();
    // FFmpeg's errors are mostly about what a publisher sent, so they are no more than warnings of the node.
    if level <= c_int::from(Level::Error) {
        tracing::warn!(target: "ffmpeg", "{}", text.trim_end());
    } else {
        tracing::debug!(target: "ffmpeg", "{}", text.trim_end());
    }
}
