#!/bin/sh
# Simulate a plan inside one SLURM job: sbatch docs/examples/slurm_sweep.sh plan.toml runs/big
#SBATCH --ntasks=8
#SBATCH --cpus-per-task=16
#SBATCH --mem-per-cpu=1G
#SBATCH --time=08:00:00
set -e
for program in dask rramchar; do
    command -v "$program" >/dev/null || {
        echo "$program is not on PATH: activate the environment that holds rramchar[dask]" >&2
        exit 1
    }
done
where="$PWD/scheduler-$SLURM_JOB_ID.json"
dask scheduler --scheduler-file "$where" --no-dashboard &
scheduler=$!
while [ ! -s "$where" ]; do
    kill -0 "$scheduler" 2>/dev/null || { echo "the dask scheduler did not start" >&2; exit 1; }
    sleep 1
done
srun dask worker --scheduler-file "$where" --nworkers 1 --nthreads "$SLURM_CPUS_PER_TASK" \
    --no-dashboard &
rramchar sweep run "$1" --out "$2" --executor dask --scheduler "$where"
