//! Storage vendors and their regions, by the numbers of a configuration: where each has its endpoint, which region its requests
//! are signed for, and where the bucket stands in their addresses.

use protocol::{Addressing, StorageKind};

/// Vendor 11: any server with S3's interface, at an endpoint that the customer names.
pub(super) const S3_COMPATIBLE: u64 = 11;

/// A vendor whose endpoints are known.
pub(super) struct Vendor {
    pub(super) number: u64,
    pub(super) name: &'static str,
    pub(super) kind: StorageKind,
    pub(super) addressing: Addressing,
    /// The host of the endpoint; `{}` stands for the region.
    host: &'static str,
    regions: Regions,
}

/// The regions, each with its number.
enum Regions {
    /// There is one, whatever the number.
    One(&'static str),
    Many(&'static [Region]),
}

struct Region {
    number: u64,
    /// The region's name in signatures.
    id: &'static str,
    /// The host where the vendor's pattern does not fit.
    host: Option<&'static str>,
}

/// Where a bucket of a vendor's region is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) host: String,
    pub(super) region: &'static str,
}

impl Vendor {
    pub(super) fn find(number: u64) -> Option<&'static Self> {
        VENDORS.iter().find(|vendor| vendor.number == number)
    }

    /// `None` where the vendor has no such region, or where it has several and none is given.
    pub(super) fn endpoint(&self, region: Option<u64>) -> Option<Endpoint> {
        let (id, host) = match self.regions {
            Regions::One(id) => (id, None),
            Regions::Many(regions) => {
                let known = regions.iter().find(|known| Some(known.number) == region)?;
                (known.id, known.host)
            }
        };
        let host = host.map_or_else(|| self.host.replace("{}", id), str::to_owned);
        Some(Endpoint { host, region: id })
    }

    pub(super) fn has_regions(&self) -> bool {
        matches!(self.regions, Regions::Many(_))
    }

    /// As `0 to 25, or 28`.
    pub(super) fn region_numbers(&self) -> String {
        let Regions::Many(regions) = self.regions else {
            return "any number".to_owned();
        };
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for region in regions {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == region.number => *last = region.number,
                _ => ranges.push((region.number, region.number)),
            }
        }
        let range = |(first, last): &(u64, u64)| match first == last {
            true => first.to_string(),
            false => format!("{first} to {last}"),
        };
        ranges.iter().map(range).collect::<Vec<_>>().join(", or ")
    }
}

const fn at(number: u64, id: &'static str) -> Region {
    Region { number, id, host: None }
}

const fn on(number: u64, id: &'static str, host: &'static str) -> Region {
    Region {
        number,
        id,
        host: Some(host),
    }
}

const VENDORS: [Vendor; 9] = [
    Vendor {
        number: 0,
        name: "Qiniu",
        kind: StorageKind::S3,
        addressing: Addressing::Path,
        host: "s3.{}.qiniucs.com",
        regions: Regions::Many(&[
            at(0, "cn-east-1"),
            at(1, "cn-north-1"),
            at(2, "cn-south-1"),
            at(3, "us-north-1"),
            at(4, "ap-southeast-1"),
        ]),
    },
    Vendor {
        number: 1,
        name: "Amazon S3",
        kind: StorageKind::S3,
        addressing: Addressing::Virtual,
        host: "s3.{}.amazonaws.com",
        regions: Regions::Many(&[
            at(0, "us-east-1"),
            at(1, "us-east-2"),
            at(2, "us-west-1"),
            at(3, "us-west-2"),
            at(4, "eu-west-1"),
            at(5, "eu-west-2"),
            at(6, "eu-west-3"),
            at(7, "eu-central-1"),
            at(8, "ap-southeast-1"),
            at(9, "ap-southeast-2"),
            at(10, "ap-northeast-1"),
            at(11, "ap-northeast-2"),
            at(12, "sa-east-1"),
            at(13, "ca-central-1"),
            at(14, "ap-south-1"),
            on(15, "cn-north-1", "s3.cn-north-1.amazonaws.com.cn"),
            on(16, "cn-northwest-1", "s3.cn-northwest-1.amazonaws.com.cn"),
            at(17, "us-gov-west-1"),
            at(18, "af-south-1"),
            at(19, "ap-east-1"),
            at(20, "ap-northeast-3"),
            at(21, "eu-north-1"),
            at(22, "me-south-1"),
            at(23, "us-gov-east-1"),
            at(24, "ap-southeast-3"),
            at(25, "eu-south-1"),
            at(28, "il-central-1"),
        ]),
    },
    Vendor {
        number: 2,
        name: "Alibaba Cloud OSS",
        kind: StorageKind::Oss,
        addressing: Addressing::Virtual,
        host: "oss-{}.aliyuncs.com",
        regions: Regions::Many(&[
            at(0, "cn-hangzhou"),
            at(1, "cn-shanghai"),
            at(2, "cn-qingdao"),
            at(3, "cn-beijing"),
            at(4, "cn-zhangjiakou"),
            at(5, "cn-huhehaote"),
            at(6, "cn-shenzhen"),
            at(7, "cn-hongkong"),
            at(8, "us-west-1"),
            at(9, "us-east-1"),
            at(10, "ap-southeast-1"),
            at(11, "ap-southeast-2"),
            at(12, "ap-southeast-3"),
            at(13, "ap-southeast-5"),
            at(14, "ap-northeast-1"),
            at(15, "ap-south-1"),
            at(16, "eu-central-1"),
            at(17, "eu-west-1"),
            // The documents' EU_East_1; Alibaba Cloud's own table of these numbers adds ME_East_1, and has no eu-east-1.
            at(18, "me-east-1"),
            at(19, "ap-southeast-6"),
            at(20, "cn-heyuan"),
            at(21, "cn-guangzhou"),
            at(22, "cn-chengdu"),
            at(23, "cn-nanjing"),
            at(24, "cn-fuzhou"),
            at(25, "cn-wulanchabu"),
            // The documents' CN_Northeast_2 and CN_Southeast_7; the regions of these names are Asia's.
            at(26, "ap-northeast-2"),
            at(27, "ap-southeast-7"),
        ]),
    },
    Vendor {
        number: 3,
        name: "Tencent Cloud COS",
        kind: StorageKind::Cos,
        addressing: Addressing::Virtual,
        host: "cos.{}.myqcloud.com",
        regions: Regions::Many(&[
            at(0, "ap-beijing-1"),
            at(1, "ap-beijing"),
            at(2, "ap-shanghai"),
            at(3, "ap-guangzhou"),
            at(4, "ap-chengdu"),
            at(5, "ap-chongqing"),
            at(6, "ap-shenzhen-fsi"),
            at(7, "ap-shanghai-fsi"),
            at(8, "ap-beijing-fsi"),
            at(9, "ap-hongkong"),
            at(10, "ap-singapore"),
            at(11, "ap-mumbai"),
            at(12, "ap-seoul"),
            at(13, "ap-bangkok"),
            at(14, "ap-tokyo"),
            at(15, "na-siliconvalley"),
            at(16, "na-ashburn"),
            at(17, "na-toronto"),
            at(18, "eu-frankfurt"),
            at(19, "eu-moscow"),
        ]),
    },
    Vendor {
        number: 4,
        name: "Kingsoft Cloud KS3",
        kind: StorageKind::S3,
        addressing: Addressing::Virtual,
        host: "",
        regions: Regions::Many(&[
            on(0, "HANGZHOU", "kss.ksyun.com"),
            on(1, "SHANGHAI", "ks3-cn-shanghai.ksyuncs.com"),
            on(2, "QINGDAO", "ks3-cn-qingdao.ksyun.com"),
            on(3, "BEIJING", "ks3-cn-beijing.ksyuncs.com"),
            on(4, "GUANGZHOU", "ks3-cn-guangzhou.ksyuncs.com"),
            on(5, "HONGKONG", "ks3-cn-hk-1.ksyuncs.com"),
            on(6, "JR_BEIJING", "ks3-jr-beijing.ksyuncs.com"),
            on(7, "JR_SHANGHAI", "ks3-jr-shanghai.ksyuncs.com"),
            on(8, "RUSSIA", "ks3-rus.ksyuncs.com"),
            on(9, "SINGAPORE", "ks3-sgp.ksyuncs.com"),
        ]),
    },
    Vendor {
        number: 5,
        name: "Azure Blob Storage",
        kind: StorageKind::Azure,
        addressing: Addressing::Path,
        // The account's name is set in front.
        host: "blob.core.windows.net",
        regions: Regions::One(""),
    },
    Vendor {
        number: 6,
        name: "Google Cloud Storage",
        kind: StorageKind::S3,
        addressing: Addressing::Path,
        host: "storage.googleapis.com",
        regions: Regions::One("auto"),
    },
    Vendor {
        number: 7,
        name: "Huawei Cloud OBS",
        kind: StorageKind::S3,
        addressing: Addressing::Virtual,
        host: "obs.{}.myhuaweicloud.com",
        regions: Regions::Many(&[
            at(0, "cn-north-1"),
            at(1, "cn-north-4"),
            at(2, "cn-east-2"),
            at(3, "cn-east-3"),
            at(4, "cn-south-1"),
            at(5, "cn-southwest-2"),
            at(6, "ap-southeast-1"),
            at(7, "ap-southeast-2"),
            at(8, "ap-southeast-3"),
            at(9, "af-south-1"),
            at(10, "sa-argentina-1"),
            at(11, "sa-peru-1"),
            at(12, "na-mexico-1"),
            at(13, "sa-brazil-1"),
            at(14, "la-south-2"),
            at(15, "sa-chile-1"),
        ]),
    },
    Vendor {
        number: 8,
        name: "Baidu AI Cloud BOS",
        kind: StorageKind::S3,
        addressing: Addressing::Virtual,
        host: "s3.{}.bcebos.com",
        regions: Regions::Many(&[
            at(0, "bj"),
            at(1, "bd"),
            at(2, "su"),
            at(3, "gz"),
            at(4, "hkg"),
            at(5, "sin"),
            at(6, "fwh"),
            at(7, "fsh"),
        ]),
    },
];
