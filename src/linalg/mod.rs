//! Dense and sparse linear algebra over plain views; knows nothing of recommenders.

mod cholesky;
mod columns;
mod gram;
mod gram_operator;
mod kernels;
mod product;
mod solve;
mod subspace;

pub use cholesky::{NotPositiveDefinite, invert_positive_definite};
pub use columns::{Columns, ColumnsMut};
pub use gram::gram;
pub use gram_operator::{GRAM_LANES, GramOperator};
pub use kernels::{
    AdamStep, LARGEST_QUERY, NARROW_RUN, adam, at_least, axpy, dots, dots_each, dots_f16, dots_i8, gather,
    instructions, multiply_adds, packed_at_once, softmax_loss, student_t_sums, tanh_bias, zeros,
};
pub use product::{affine, multiply, multiply_transposed, sum_columns};
pub use solve::solve_positive_definite;
pub use subspace::{EigenError, Eigenpairs, leading_eigenpairs};
