use std::collections::BTreeMap;

use protocol::{Desired, Directive, StorageKeys, Terms};

use crate::recording::contract::Effect;
use crate::recording::state::{Recording, Role};

impl Recording {
    /// What a node shall do that has, or had, the lease of `epoch`. It is said to this lease alone: the node may have
    /// another one when it hears it.
    pub(crate) fn desired(&self, role: Role, epoch: u64) -> Desired {
        let nodes = &self.nodes;
        let (directive, terms) = match role {
            Role::Holder => {
                let terms = Terms {
                    standby: nodes.leaver.is_some(),
                    alone: nodes.leaving.as_ref().is_some_and(|leaving| leaving.alone),
                    cuts: BTreeMap::new(),
                };
                (self.goal().into(), terms)
            }
            Role::Successor => {
                let terms = Terms {
                    standby: true,
                    ..Terms::default()
                };
                (self.goal().into(), terms)
            }
            Role::Outsider => {
                let terms = Terms {
                    cuts: nodes.cuts.clone(),
                    ..Terms::default()
                };
                (Directive::Release, terms)
            }
        };
        Desired {
            epoch,
            directive,
            subscription: self.subscription.clone(),
            scene: self.scene().cloned(),
            keys: self.renewed_keys(),
            terms,
        }
    }

    /// The storage's keys, once they are others than those of the start.
    fn renewed_keys(&self) -> Option<StorageKeys> {
        let spec = self.spec.as_ref().filter(|_| self.renewals > 0)?;
        Some(spec.storage.keys())
    }

    /// Tells the holder of the lease what is wanted, as a shortcut to its next report.
    pub(crate) fn send_desired(&self, wait_ms: u64, out: &mut Vec<Effect>) {
        if let Some(lease) = &self.nodes.lease {
            out.push(Effect::SendDesired {
                node: lease.node.clone(),
                sid: self.sid.clone(),
                desired: Box::new(self.desired(Role::Holder, lease.epoch)),
                wait_ms,
            });
        }
    }
}
