//! The layout of a mixed picture: in `transcodingConfig` of start, and the whole of `updateLayout`.

use protocol::{Colour, CustomRegion, Fill, Layout, Scene, SecretUrl, UserImage};

use super::flavour::Flavour;
use super::names::uid_error;
use crate::input::{FieldError, Fields, Targets, web_url};

const MAX_REGIONS: usize = 17;
const MAX_URL_BYTES: usize = 2048;
/// Fractions have six digits behind the point; their sums may be off by as little.
const TOLERANCE: f64 = 1e-6;

pub(super) fn read(config: &Fields<'_>, flavour: Flavour, targets: Targets) -> Result<Scene, FieldError> {
    let image = |name| image(config, name, targets);
    Ok(Scene {
        version: 1,
        layout: layout(config, flavour)?,
        background: background(config)?,
        background_image: image("backgroundImage")?,
        user_image: image("defaultUserBackgroundImage")?,
        user_images: user_images(config, flavour, targets)?,
        texts: Vec::new(),
    })
}

fn layout(config: &Fields<'_>, flavour: Flavour) -> Result<Layout, FieldError> {
    let number = config.integer("mixedVideoLayout", 0..=3)?.unwrap_or(0);
    let large_uid = uid(config, "maxResolutionUid", flavour)?;
    let regions = config
        .objects("layoutConfig", MAX_REGIONS)?
        .filter(|regions| !regions.is_empty());
    if number != 3 && regions.is_some() {
        return Err(config.error("layoutConfig", "must not be set unless mixedVideoLayout is 3"));
    }
    Ok(match number {
        0 => Layout::Floating,
        1 => Layout::BestFit,
        2 => Layout::Vertical {
            large_uid,
            large_speaker: config.boolean("largeSpeaker")?.unwrap_or(false),
        },
        _ => {
            let regions = regions.ok_or_else(|| config.error("layoutConfig", "is required with mixedVideoLayout 3"))?;
            let regions = regions.iter().map(|area| region(area, flavour));
            Layout::Custom {
                regions: regions.collect::<Result<_, _>>()?,
            }
        }
    })
}

fn background(config: &Fields<'_>) -> Result<Colour, FieldError> {
    let Some(text) = config.string("backgroundColor")? else {
        return Ok(Colour::default());
    };
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
    let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let colour = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let colour = colour.ok_or_else(|| config.error("backgroundColor", "must be # and six hexadecimal digits"))?;
    let [_, r, g, b] = colour.to_be_bytes();
    Ok(Colour { r, g, b })
}

fn user_images(config: &Fields<'_>, flavour: Flavour, targets: Targets) -> Result<Vec<UserImage>, FieldError> {
    let images = config.objects("backgroundConfig", MAX_REGIONS)?.unwrap_or_default();
    let user_image = |fields: &Fields<'_>| {
        Ok(UserImage {
            uid: fields.require("uid", uid(fields, "uid", flavour)?)?,
            url: fields.require("image_url", image(fields, "image_url", targets)?)?,
            fill: fill(fields)?,
        })
    };
    images.iter().map(user_image).collect()
}

/// The URL of an image that a node is to fetch.
fn image(fields: &Fields<'_>, name: &str, targets: Targets) -> Result<Option<SecretUrl>, FieldError> {
    let Some(url) = fields.string(name)? else {
        return Ok(None);
    };
    if url.len() > MAX_URL_BYTES || !web_url(url) {
        let problem = format!("must be a URL with http or https, of at most {MAX_URL_BYTES} bytes");
        return Err(fields.error(name, problem));
    }
    targets.check(url).map_err(|problem| fields.error(name, problem))?;
    Ok(Some(url.into()))
}

fn region(area: &Fields<'_>, flavour: Flavour) -> Result<CustomRegion, FieldError> {
    let fraction = |name| area.number(name, 0.0..=1.0);
    let required = |name| area.require(name, fraction(name)?);
    let region = CustomRegion {
        uid: uid(area, "uid", flavour)?,
        stream: None,
        x: required("x_axis")?,
        y: required("y_axis")?,
        width: required("width")?,
        height: required("height")?,
        alpha: fraction("alpha")?.unwrap_or(1.0),
        fill: fill(area)?,
    };
    if region.x + region.width > 1.0 + TOLERANCE {
        return Err(area.error("width", "and x_axis must not add up to more than 1"));
    }
    if region.y + region.height > 1.0 + TOLERANCE {
        return Err(area.error("height", "and y_axis must not add up to more than 1"));
    }
    Ok(region)
}

fn fill(fields: &Fields<'_>) -> Result<Fill, FieldError> {
    Ok(match fields.integer("render_mode", 0..=1)? {
        Some(1) => Fill::Fit,
        _ => Fill::Crop,
    })
}

fn uid(fields: &Fields<'_>, name: &str, flavour: Flavour) -> Result<Option<String>, FieldError> {
    match fields.string(name)? {
        Some(uid) if !flavour.is_uid(uid) => Err(uid_error(fields, name, flavour)),
        uid => Ok(uid.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn images_are_fetched_from_public_web_servers() {
        let refusal = |config: serde_json::Value, targets| {
            let scene = read(&Fields::new(config.as_object().unwrap()), Flavour::Agora, targets);
            scene.err().map(|error| error.to_string())
        };
        let private = json!({"backgroundImage": "http://169.254.169.254/latest"});
        let problem = "backgroundImage must not lead to a private, loopback or link-local address";
        assert!(refusal(private.clone(), Targets::Public).unwrap().starts_with(problem));
        assert_eq!(refusal(private, Targets::Any), None);
        let long = format!("http://h/{}", "x".repeat(MAX_URL_BYTES));
        for url in ["file:///etc/passwd", "b.jpg", &long] {
            let common = json!({"defaultUserBackgroundImage": url});
            let problem = "defaultUserBackgroundImage must be a URL";
            assert!(refusal(common, Targets::Any).unwrap().starts_with(problem), "{url}");
            let own = json!({"backgroundConfig": [{"uid": "1", "image_url": url}]});
            let problem = "backgroundConfig[0].image_url must be a URL";
            assert!(refusal(own, Targets::Any).unwrap().starts_with(problem), "{url}");
        }
    }

    #[test]
    fn what_is_left_out_has_its_default_and_the_rest_is_taken_over() {
        let scene = |config: serde_json::Value| {
            read(
                &Fields::new(config.as_object().unwrap()),
                Flavour::Agora,
                Targets::Public,
            )
            .unwrap()
        };
        let first = Scene {
            version: 1,
            ..Scene::default()
        };
        assert_eq!(scene(json!({})), first);
        let full = scene(json!({
            "mixedVideoLayout": 3, "backgroundColor": "#FF8000", "backgroundImage": "http://h/b.jpg",
            "backgroundConfig": [{"uid": "7", "image_url": "http://h/7.jpg", "render_mode": 1}],
            "layoutConfig": [{"uid": "1", "x_axis": 0, "y_axis": 0.25, "width": 0.5, "height": 0.75, "alpha": 0.5}],
        }));
        let region = CustomRegion {
            uid: Some("1".into()),
            stream: None,
            x: 0.0,
            y: 0.25,
            width: 0.5,
            height: 0.75,
            alpha: 0.5,
            fill: Fill::Crop,
        };
        assert_eq!(full.layout, Layout::Custom { regions: vec![region] });
        assert_eq!(full.background, Colour { r: 255, g: 128, b: 0 });
        assert_eq!(full.background_image, Some("http://h/b.jpg".into()));
        let image = UserImage {
            uid: "7".into(),
            url: "http://h/7.jpg".into(),
            fill: Fill::Fit,
        };
        assert_eq!(full.user_images, [image]);
        let vertical = scene(json!({"mixedVideoLayout": 2, "maxResolutionUid": "7"}));
        assert_eq!(
            vertical.layout,
            Layout::Vertical {
                large_uid: Some("7".into()),
                large_speaker: false,
            }
        );
        let speaker = scene(json!({"mixedVideoLayout": 2, "largeSpeaker": true}));
        assert_eq!(
            speaker.layout,
            Layout::Vertical {
                large_uid: None,
                large_speaker: true,
            }
        );
    }
}
