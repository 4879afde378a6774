"""Mult-VAE and Mult-DAE (Liang et al. 2018) as a torch module, its inputs and its loss."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    """vae: items - hidden - latent - hidden - items; dae: items - hidden - items. tanh, input dropout.

    bag: the input is a list of item numbers with weights (an embedding bag) instead of dense rows.
    """

    def __init__(self, items, vae, hidden, latent=200, dropout=0.5, bag=True):
        super().__init__()
        self.vae, self.dropout, self.bag = vae, dropout, bag
        self.w_in, self.b_in = nn.Parameter(torch.empty(items, hidden)), nn.Parameter(torch.empty(hidden))
        if vae:
            self.code, self.decode = nn.Linear(hidden, 2 * latent), nn.Linear(latent, hidden)
        self.out = nn.Linear(hidden, items)
        for weight in (p for p in self.parameters() if p.dim() == 2):
            nn.init.xavier_normal_(weight)
        for bias in (p for p in self.parameters() if p.dim() == 1):
            nn.init.trunc_normal_(bias, std=0.001)

    def forward(self, x):
        """Logits (users x items) and the mean KL divergence from N(0, I)."""
        if self.bag:
            item, start, weight = x
            weight = F.dropout(weight, self.dropout, self.training)
            h = F.embedding_bag(item, self.w_in, start, mode="sum", per_sample_weights=weight)
        else:
            h = F.dropout(F.normalize(x), self.dropout, self.training) @ self.w_in
        h = torch.tanh(h + self.b_in)
        if not self.vae:
            return self.out(h), h.new_zeros(())
        mu, logvar = self.code(h).chunk(2, 1)
        kl = 0.5 * (logvar.exp() + mu * mu - 1 - logvar).sum(1).mean()
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp() if self.training else mu
        return self.out(torch.tanh(self.decode(z))), kl


def as_input(rows, bag):
    """CSR rows of ones, L2-normalised (the dense variant normalises in the network)."""
    if not bag:
        return torch.from_numpy(rows.toarray())
    count = np.diff(rows.indptr)
    weight = np.repeat(1.0 / np.sqrt(np.maximum(count, 1)), count).astype(np.float32)
    return tuple(torch.from_numpy(part) for part in (rows.indices.astype(np.int64), rows.indptr[:-1].astype(np.int64), weight))


def as_target(rows, gather):
    """Dense rows; or, for `gather`, (row, item) of every interaction and the count of each row."""
    if not gather:
        return torch.from_numpy(rows.toarray())
    count = np.diff(rows.indptr)
    parts = np.repeat(np.arange(rows.shape[0]), count), rows.indices.astype(np.int64), count.astype(np.float32)
    return tuple(torch.from_numpy(part) for part in parts)


def multinomial_loss(logits, target):
    """-sum_i x_i log softmax_i, mean over the users."""
    if not isinstance(target, tuple):
        return -(F.log_softmax(logits, 1) * target).sum(1).mean()
    row, item, count = target
    return ((torch.logsumexp(logits, 1) * count).sum() - logits[row, item].sum()) / len(count)
