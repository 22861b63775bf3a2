//! A screen buffer as SVG: what the terminal would show, in a theme of its own.

use std::fmt::Write;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

/// Width and height of a cell, in pixels.
const CELL: (f32, f32) = (8.4, 18.0);
const GROUND: &str = "#0d1117";
const INK: &str = "#e6edf3";

/// The buffer as one SVG document.
pub fn render(buffer: &Buffer, title: &str) -> String {
    let area = buffer.area;
    let (width, height) = (f32::from(area.width) * CELL.0 + 24.0, f32::from(area.height) * CELL.1 + 24.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"14\">\n\
         <title>{}</title>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>\n",
        escaped(title)
    );
    for y in 0..area.height {
        row(&mut svg, buffer, y);
    }
    svg.push_str("</svg>\n");
    svg
}

fn row(svg: &mut String, buffer: &Buffer, y: u16) {
    let mut x = 0;
    while x < buffer.area.width {
        let cell = &buffer[(x, y)];
        let look = (cell.fg, cell.bg, cell.modifier);
        let (begin, mut text) = (x, String::new());
        while x < buffer.area.width {
            let cell = &buffer[(x, y)];
            if (cell.fg, cell.bg, cell.modifier) != look {
                break;
            }
            text.push_str(cell.symbol());
            x += u16::try_from(cell.symbol().width().max(1)).unwrap_or(1);
        }
        run(svg, &text, (begin, y), x - begin, look);
    }
}

fn run(svg: &mut String, text: &str, (x, y): (u16, u16), columns: u16, look: (Color, Color, Modifier)) {
    let (fg, bg, modifier) = look;
    let (mut ink, mut ground) = (color(fg).unwrap_or_else(|| INK.to_owned()), color(bg));
    if modifier.contains(Modifier::REVERSED) {
        let under = ground.unwrap_or_else(|| GROUND.to_owned());
        ground = Some(std::mem::replace(&mut ink, under));
    }
    let (left, top) = (f32::from(x) * CELL.0 + 12.0, f32::from(y) * CELL.1 + 12.0);
    let width = f32::from(columns) * CELL.0;
    if let Some(ground) = ground {
        let _ = writeln!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{ground}\"/>",
            CELL.1
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let weight = if modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let line = if modifier.contains(Modifier::UNDERLINED) { " text-decoration=\"underline\"" } else { "" };
    let faint = if modifier.contains(Modifier::DIM) { " opacity=\"0.6\"" } else { "" };
    let _ = writeln!(
        svg,
        "<text x=\"{left:.1}\" y=\"{:.1}\" fill=\"{ink}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
         xml:space=\"preserve\"{weight}{line}{faint}>{}</text>",
        top + 13.5,
        escaped(text)
    );
}

fn color(color: Color) -> Option<String> {
    let named = |text: &str| Some(text.to_owned());
    match color {
        Color::Reset => None,
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Green | Color::LightGreen => named("#7ec699"),
        Color::Yellow | Color::LightYellow => named("#e0b85c"),
        Color::Red | Color::LightRed => named("#f07a78"),
        Color::Cyan | Color::Blue | Color::LightBlue | Color::LightCyan => named("#79b8ff"),
        _ => named(INK),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
