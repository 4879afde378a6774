//! The statistics of normal users, beside the model that they calibrate.

use std::path::Path;

use super::ArtifactError;
use crate::anomaly::Calibration;
use crate::storage::{TensorFile, TensorRef, Values, write_tensors};

const STATISTICS: &str = "statistics";
const LENGTHS: &str = "lengths";

pub(super) fn write(path: &Path, calibration: &Calibration) -> Result<(), ArtifactError> {
    let shape = vec![calibration.users()];
    let tensors = [
        TensorRef { name: STATISTICS, shape: shape.clone(), values: Values::F64(calibration.statistics()) },
        TensorRef { name: LENGTHS, shape, values: Values::U32(calibration.lengths()) },
    ];
    Ok(write_tensors(path, &tensors)?)
}

pub(super) fn read(path: &Path) -> Result<Calibration, ArtifactError> {
    let file = TensorFile::open(path)?;
    let (lengths, statistics): (Vec<u32>, Vec<f64>) = (file.read(LENGTHS)?, file.read(STATISTICS)?);
    if lengths.len() != statistics.len() {
        let reason = format!("{} lengths and {} statistics", lengths.len(), statistics.len());
        return Err(ArtifactError::inconsistent(path.to_owned(), reason));
    }
    Calibration::from_statistics(lengths.into_iter().zip(statistics).collect())
        .map_err(|error| ArtifactError::inconsistent(path.to_owned(), error.to_string()))
}
