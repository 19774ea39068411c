"""Mixture models: diagonal Gaussian and Bernoulli mixtures, EM, MAP adaptation, MMI. Arrays in, arrays out.

- Model: `model` scores frames and draws samples; `gaussian` and `bernoulli` are the two families of components, `bank`
  scores several mixtures with one matrix product, `mixture_types` finds a model by the name of its family.
- Statistics: `statistics` computes the sums of the E-step, with the inner loop in `estep`. `shards` holds the frames
  and the executor.
- Update: `em` alternates E-step and M-step. `component_family` is the interface of an M-step, `gaussian_mstep` and
  `bernoulli_mstep` implement it, `family_registry` finds it by name. `map_adaptation` is MAP adaptation from a
  background model, `mmi` discriminative training (maximum mutual information) of the means.
- Start: `initialisation` makes the first mixture, with `kmeans` or `kmedoids`. `restarts` fits from several starts.
- Selection: `information_criteria` chooses the number of components.

`options` holds the options of EM. `checkpoint` is the interface through which fits are saved and resumed.

Main path of a fit, `restarts.fit_restarts`:

1. `family_registry.family_for`: checks the frames; their mean and variance give the variance floor and the axes.
2. `initialisation.start`: a sample of the frames -> k-means -> the first mixture.
3. `em.fit`: `statistics.accumulate_shards` (E-step) and `em.update` (M-step) in turn, until convergence.

This room imports no other room.
"""
